"""Ten autoencoders a cell against each level trained alone, an uninterrupted run, and the Gaussian denoiser."""

import contextlib
import json
import zipfile
from collections import deque

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from hidden_gaussian import networks, seeding, spectrum
from hidden_gaussian.cells import Cell
from hidden_gaussian.denoisers import AutoencoderDenoiser, GaussianDenoiser, is_defined, open_denoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import interruption
from hidden_gaussian.measurement import shared_noise
from hidden_gaussian.measurement.noised_batch import Target
from hidden_gaussian.noise_schedule import schedule
from hidden_gaussian.pixels import to_unit
from hidden_gaussian.sampling import solvers
from hidden_gaussian.settings import Measures, Network, Training
from hidden_gaussian.storage import arrays
from hidden_gaussian.training import autoencoders, batches, loop, losses
from hidden_gaussian.training.segment import Segment
from hidden_gaussian.training.state import TrainingState

SIDE, COUNT = 4, 12
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, 1, SIDE, SIDE), dtype=np.uint8)
NETWORK = Network(channel_mult=(1, 1), blocks=1, attention_resolutions=(), dropout=0.1)
RECIPE = Training(batch=8, learning_rate=1e-2, warmup=0, ema_half_life=40, augment=0.3)
SIGMAS = schedule(10).tolist()


def cell(images_seen, kind="skip"):
    return Cell("toy", COUNT, "a", f"dae-{kind}", 4, 1, images_seen)


def train(root, images_seen, previous=None, kind="skip", recipe=RECIPE):
    target = cell(images_seen, kind)
    arrays.save_array(root / "images.npy", PIXELS)
    arrays.save_array(root / target.subset / "subset.npy", np.arange(COUNT))
    segment = Segment(
        cell=target,
        network=NETWORK,
        training=recipe,
        images=root / "images.npy",
        subset=root / target.subset / "subset.npy",
        seed=5,
        previous_state=None if previous is None else root / cell(previous, kind).id / "states.zip",
        side_file=root / "unfinished" / f"{target.id}.safetensors",
        folder=root / target.id,
    )
    autoencoders.train_autoencoders(segment, "cpu")
    return segment.folder


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"), 48)


def test_a_chain_of_checkpoints_equals_one_segment(whole, tmp_path):
    train(tmp_path, 16)
    assert content(train(tmp_path, 48, 16)) == content(whole)
    assert not list((tmp_path / "unfinished").rglob("*.*"))


@pytest.mark.parametrize("stop", [3, 12, 31])
def test_a_stopped_run_continues_and_keeps_finished_levels(whole, tmp_path, monkeypatch, stop):
    """Every level has six steps; the run is stopped in one of them and started again."""
    started = []
    train_level = autoencoders.train_in_process

    def spied(segment, device):
        started.append(segment.previous_state)
        train_level(segment, device)

    stop_in(tmp_path, stop)
    monkeypatch.setattr(autoencoders, "train_in_process", spied)
    assert content(train(tmp_path, 48)) == content(whole)
    finished = sum(state is not None and state.name == "state.safetensors" for state in started)
    assert finished == stop // 6


def stop_in(root, step, previous=None):
    """Stop a run in a step, counted over all levels."""
    calls = []

    @interruption.contextmanager
    def stopping():
        yield lambda: calls.append(0) or len(calls) > step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interruption, "interruption", stopping)
        with pytest.raises(interruption.Interrupted):
            train(root, 48, previous)


@pytest.mark.fault("a finished level of autoencoders is damaged", "named, set aside; trained from the last checkpoint")
@pytest.mark.parametrize("before", [None, 16])
def test_a_damaged_level_is_named_set_aside_and_trained_again(whole, tmp_path, caplog, before):
    if before:
        train(tmp_path, before)
    stop_in(tmp_path, 9, before)
    level = tmp_path / "unfinished" / cell(48).id / "level0" / "state.safetensors"
    data = level.read_bytes()
    level.write_bytes(data[: len(data) // 2])
    assert content(train(tmp_path, 48, before)) == content(whole)
    assert f"{level} is damaged" in caplog.text
    assert f"{level}.damaged" in caplog.text


@pytest.mark.fault("two jobs train one cell of autoencoders", "the second uses the result of the first")
@pytest.mark.parametrize("change", [None, "states.zip", "weights.safetensors", "training.parquet", "settings"])
def test_a_cell_that_another_job_trained_is_not_trained_again(tmp_path, monkeypatch, change):
    folder, recipe = train(tmp_path, 16), RECIPE
    if change == "settings":
        recipe = RECIPE.model_copy(update={"learning_rate": 1e-3})
    elif change:
        (folder / change).write_bytes(b"damaged")
    before = content(folder)

    @contextlib.contextmanager
    def waited(path):
        yield True

    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(interruption, "lock", waited)
    monkeypatch.setattr(autoencoders, "train_in_process", refuse)
    if change:
        with pytest.raises(AssertionError, match="trained again"):
            train(tmp_path, 16, recipe=recipe)
    else:
        train(tmp_path, 16)
        assert not (tmp_path / "unfinished" / cell(16).id).exists()
    assert content(folder) == before


def test_a_level_is_trained_with_the_plain_loss_at_its_sigma(whole):
    """Level 3 alone, by a loop written out here."""
    seed = seeding.derive(seeding.derive(5, "autoencoder", 3), "training/toy/n12a/dae-skip4r1")
    options = json.loads(arrays.load_metadata(whole / "weights.safetensors")["options"])
    network = networks.build(**options, seed=seeding.derive(seed, "weights")).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    plain = RECIPE.model_copy(update={"augment": 0.0})
    for step in range(6):
        batch = batches.draw(PIXELS, step, plain, seed, torch.device("cpu"))
        optimiser.zero_grad()
        estimate = network(batch.clean + SIGMAS[3] * batch.noise, SIGMAS[3])
        (estimate - batch.clean).square().sum().div(8).backward()
        optimiser.step()
    with zipfile.ZipFile(whole / "states.zip") as archive:
        archive.extract("level3.safetensors", whole.parent)
    state = arrays.load_tensors(whole.parent / "level3.safetensors")
    for name, weight in network.named_parameters():
        torch.testing.assert_close(state[f"network.{name}"], weight.detach(), rtol=1e-3, atol=1e-5)


def test_statistics_of_batch_normalisation_are_those_of_the_averaged_weights(whole):
    denoiser = AutoencoderDenoiser.load(whole / "weights.safetensors")
    network = denoiser.denoisers[2].network
    generator = torch.Generator().manual_seed(1)
    clean = to_unit(torch.from_numpy(PIXELS).float()).repeat(400, 1, 1, 1)
    noisy = clean + SIGMAS[2] * torch.randn(clean.shape, generator=generator)
    first, norm, _ = network.model.encoder[0][0]
    with torch.no_grad():
        outputs = first(noisy)
    torch.testing.assert_close(norm.running_mean, outputs.mean((0, 2, 3)), rtol=0, atol=0.5)
    torch.testing.assert_close(norm.running_var, outputs.var((0, 2, 3)), rtol=0.05, atol=0)


class Normed(nn.Module):
    """Batch normalisation with the statistics of other images."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.norm.running_mean.fill_(7.0)
        self.norm.num_batches_tracked.fill_(1000)

    def forward(self, noisy, sigma):
        return self.norm(noisy)


def test_calibrated_statistics_are_plain_means_over_batches_and_the_network_given_is_unchanged():
    network, objective, cpu = Normed(), losses.at_level(0.5), torch.device("cpu")
    plain = RECIPE.model_copy(update={"augment": 0.0})
    calibrated = autoencoders.calibrated(network, PIXELS, plain, objective, 3)
    steps = range(autoencoders.CALIBRATION)
    drawn = [batches.draw(PIXELS, step, plain, 3, cpu, objective.levels) for step in steps]
    noisy = torch.stack([batch.clean + 0.5 * batch.noise for batch in drawn])
    torch.testing.assert_close(calibrated.norm.running_mean[0], noisy.mean(), rtol=1e-4, atol=1e-4)
    expected = torch.stack([part.var() for part in noisy]).mean()
    torch.testing.assert_close(calibrated.norm.running_var[0], expected, rtol=1e-4, atol=1e-4)
    assert not calibrated.training
    assert network.norm.running_mean == 7.0


def test_losses_are_means_over_levels_and_every_level_counts_its_images(whole):
    log = pd.read_parquet(whole / "training.parquet")
    assert log["images_seen"].tolist() == [48]
    losses = []
    with zipfile.ZipFile(whole / "states.zip") as archive:
        assert archive.namelist() == [f"level{number}.safetensors" for number in range(10)]
        for name in archive.namelist():
            archive.extract(name, whole.parent)
            losses += arrays.load_tensors(whole.parent / name)["pending.loss"].tolist()
    assert len(losses) == 60
    assert log["loss"].item() == pytest.approx(np.mean(losses), rel=1e-6)


@pytest.mark.parametrize("kind", ["ve", "dit"])
def test_other_kinds_train_and_sample(tmp_path, kind):
    train(tmp_path, 0, kind=kind)
    folder = train(tmp_path, 8, 0, kind=kind)
    denoiser = open_denoiser(tmp_path, folder.relative_to(tmp_path).as_posix(), "cpu")
    latents = solvers.latents(range(3), (1, SIDE, SIDE), seed=0)
    drawn = solvers.draw(denoiser, latents, "euler10")
    assert drawn.shape == latents.shape
    assert drawn.isfinite().all()


def test_a_noise_level_without_a_network_is_refused(whole):
    denoiser = AutoencoderDenoiser.load(whole / "weights.safetensors")
    noisy = torch.randn(3, 1, SIDE, SIDE)
    torch.testing.assert_close(denoiser(noisy, SIGMAS[4]), denoiser.denoisers[4](noisy, 1.0 * SIGMAS[4]))
    assert is_defined(denoiser, SIGMAS[4])
    assert not is_defined(denoiser, 1.0)
    with pytest.raises(InputError, match=r"trained at 80, 42.4.* only, but sigma is \[1.0\]"):
        denoiser(noisy, 1.0)
    with pytest.raises(InputError, match="trained at"):
        denoiser(noisy, torch.tensor([80.0, 80.0, 0.002]))
    with pytest.raises(InputError, match="trained at"):
        solvers.draw(denoiser, noisy, "heun18")


@pytest.mark.parametrize("level", [0, 4])
def test_a_linear_autoencoder_becomes_the_gaussian_denoiser(level):
    """Theorem 1 of Li et al.: the best affine map of the plain loss is the Wiener filter of the training images."""
    patterns = np.random.default_rng(3).normal(size=(64, 4)) @ np.random.default_rng(4).normal(size=(4, 16))
    pixels = (40 * patterns + 100).clip(0, 255).astype(np.uint8).reshape(64, 1, SIDE, SIDE)
    recipe = Training(batch=64, learning_rate=1e-2, warmup=0, ema_half_life=6_400, augment=0)
    linear = networks.build("dae-linear", resolution=SIDE, channels=1, scale=4, seed=0, **NETWORK.model_dump())
    state, sigma = TrainingState.start(linear), SIGMAS[level]
    deque(loop.train(state, pixels, recipe, until=64 * 500, seed=0, objective=losses.at_level(sigma)), maxlen=0)
    clean = torch.from_numpy(to_unit(pixels.astype(np.float32)))
    noisy = clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    expected = GaussianDenoiser(spectrum.fit(pixels))(noisy, sigma)
    assert (state.ema(noisy, sigma) - expected).square().mean().sqrt() < 0.04
    assert (clean.mean(0) - expected).square().mean().sqrt() > (0.1 if level else 0.001)


def test_measurements_skip_noise_levels_without_a_network(whole):
    gaussian = GaussianDenoiser(spectrum.fit(PIXELS))
    denoiser = AutoencoderDenoiser.load(whole / "weights.safetensors")
    clean = torch.from_numpy(to_unit(PIXELS.astype(np.float32)))
    target = Target("n12a/dae-skip4r1/i48", denoiser, "n12a/gaussian", gaussian, {}, clean.mean(0))
    settings = Measures(images=8, draws=1, levels=10, linearity_levels=40)
    frame, _ = shared_noise.measure(target, {"train": clean[:4]}, {}, settings, None, seed=0)
    assert sorted(frame["sigma"].unique(), reverse=True) == SIGMAS
    linear = frame[frame["parameter"] == "alpha"]["sigma"].unique()
    assert sorted(linear, reverse=True) == [SIGMAS[level] for level in (0, 3, 6, 9)]
    nowhere = AutoencoderDenoiser([1.0], [denoiser.denoisers[0].network])
    with pytest.raises(InputError, match=r"measures\.levels is 10"):
        shared_noise.measure(
            Target("x", nowhere, "n12a/gaussian", gaussian, {}, clean.mean(0)),
            {"train": clean[:4]}, {}, settings, None, seed=0,
        )  # fmt: skip


def test_damaged_states_are_named(whole, tmp_path):
    path = tmp_path / cell(48).id / "states.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes((whole / "states.zip").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"states\.zip is damaged"):
        train(tmp_path, 96, 48)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"learning_rate": 0.02}, r"training\.learning_rate was 0\.01, is 0\.02"),
        ({"microbatch": 4}, r"training\.microbatch was None, is 4"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(tmp_path, changes, difference):
    train(tmp_path, 8)
    with pytest.raises(InputError, match=difference):
        train(tmp_path, 16, 8, recipe=RECIPE.model_copy(update=changes))


@pytest.mark.parametrize("architecture", networks.ARCHITECTURES)
def test_the_size_of_parts_matters_only_to_networks_with_batch_normalisation(architecture):
    network = networks.build(architecture, resolution=SIDE, channels=1, scale=4, seed=0, **NETWORK.model_dump())
    normed = any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    whole, one_part, halves, quarters = (
        RECIPE.model_copy(update={"microbatch": size}).recipe(architecture) for size in (None, 8, 4, 2)
    )
    assert whole == one_part
    assert (whole != halves) == (halves != quarters) == normed
