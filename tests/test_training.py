import errno
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from hidden_gaussian import batches, files, guards, networks, objectives, progress, snapshots, training
from hidden_gaussian.batches import Batch
from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import Network, Training
from hidden_gaussian.snapshots import TrainingState

SIDE, COUNT = 8, 12
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, 1, SIDE, SIDE), dtype=np.uint8)
NETWORK = Network(channel_mult=(1, 1), blocks=1, attention_resolutions=(4,), dropout=0.1)


def recipe(**changes):
    values = {"batch": 8, "learning_rate": 1e-2, "warmup": 64, "ema_half_life": 100, "augment": 0.3, "x_flip": True}
    return Training(**(values | changes))


class Gain(nn.Module):
    """D(x; sigma) = w x: so small that training it can be written down."""

    def __init__(self, weight=0.3):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.options = {"sigma_data": 0.5, "augment_dim": 0}

    def forward(self, noisy, sigma, augment_labels=None):
        return self.weight * noisy


def small_network():
    return networks.build("ve", resolution=SIDE, channels=1, scale=4, seed=1, **NETWORK.model_dump())


def run(state, settings, until, pixels=PIXELS, seed=3):
    return list(training.train(state, pixels, settings, until=until, seed=seed))


def assert_same(first, second):
    for one, other in ((first.network, second.network), (first.ema, second.ema)):
        for name, tensor in one.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[name]), name
    assert first.optimiser.state_dict()["state"].keys() == second.optimiser.state_dict()["state"].keys()
    for number, moments in first.optimiser.state_dict()["state"].items():
        for name, tensor in moments.items():
            assert torch.equal(tensor, second.optimiser.state_dict()["state"][number][name]), name
    assert first.images_seen == second.images_seen
    assert first.log() == second.log()


# ---- the stream of batches


def test_each_epoch_shows_each_image_once_in_an_order_of_its_own():
    shown = batches.positions(0, 5 * COUNT, COUNT, seed=4).reshape(5, COUNT)
    assert all(sorted(row) == list(range(COUNT)) for row in shown.tolist())
    assert len({tuple(row) for row in shown.tolist()}) == 5


@pytest.mark.parametrize("size", [1, 5, 7, 64])
def test_the_stream_does_not_depend_on_the_batch(size):
    whole = batches.positions(0, 60, size, seed=4)
    pieces = [batches.positions(start, 6, size, seed=4) for start in range(0, 60, 6)]
    assert np.array_equal(whole, np.concatenate(pieces))


def test_batches_are_functions_of_seed_and_step():
    def draw(step, seed):
        return batches.draw(PIXELS, step, recipe(), seed, torch.device("cpu"))

    draw(6, 1)
    for first, again, later, other in zip(draw(5, 1), draw(5, 1), draw(6, 1), draw(5, 2), strict=True):
        assert torch.equal(first, again)
        assert not torch.equal(first, later)
        assert not torch.equal(first, other)


def test_noise_and_its_levels_have_their_laws():
    pixels = np.zeros((20_000, 1, 2, 2), np.uint8)
    batch = batches.draw(pixels, 0, recipe(batch=20_000, augment=0, x_flip=False), 1, torch.device("cpu"))
    assert torch.equal(batch.clean, -torch.ones_like(batch.clean))
    assert batch.labels is None
    assert batch.sigma.log().mean().item() == pytest.approx(-1.2, abs=0.03)
    assert batch.sigma.log().std().item() == pytest.approx(1.2, abs=0.03)
    assert batch.noise.mean().item() == pytest.approx(0, abs=0.015)
    assert batch.noise.std().item() == pytest.approx(1, abs=0.015)


def test_half_of_the_images_are_mirrored():
    pixels = np.zeros((4000, 1, 1, 2), np.uint8)
    pixels[..., 1] = 255
    clean = batches.draw(pixels, 0, recipe(batch=4000, augment=0), 1, torch.device("cpu")).clean
    assert set(map(tuple, clean[:, 0, 0].tolist())) == {(-1.0, 1.0), (1.0, -1.0)}
    assert (clean[:, 0, 0, 0] == 1).float().mean().item() == pytest.approx(0.5, abs=0.04)


# ---- loss and optimiser against the formulas, in float64


def test_loss_equals_the_formula():
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 5, 1, 4, 4, generator=generator).double()
    sigma = torch.tensor([0.01, 0.3, 1.0, 5.0, 80.0]).double()
    losses = objectives.edm_loss(Gain(0.25).double(), Batch(clean, noise, sigma, None), 0.5)
    for image, eps, level, loss in zip(clean.numpy(), noise.numpy(), sigma.tolist(), losses.tolist(), strict=True):
        error = 0.25 * (image + level * eps) - image
        assert loss == pytest.approx((level**2 + 0.25) / (level * 0.5) ** 2 * (error**2).sum(), rel=1e-6)


@pytest.mark.parametrize("rampup", [0.05, None])
def test_training_equals_adam_and_the_average_written_out(rampup):
    settings = recipe(augment=0, x_flip=False, ema_rampup=rampup)
    state = TrainingState.start(Gain())
    run(state, settings, 20 * 8)
    weight = average = np.float64(np.float32(0.3))
    first = second = 0.0
    for step in range(20):
        batch = batches.draw(PIXELS, step, settings, 3, torch.device("cpu"))
        clean, noise = batch.clean.double().numpy(), batch.noise.double().numpy()
        sigma = batch.sigma.double().numpy()[:, None, None, None]
        noisy = clean + sigma * noise
        slope = ((sigma**2 + 0.25) / (0.5 * sigma) ** 2 * 2 * (weight * noisy - clean) * noisy).sum() / 8
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        rate = 1e-2 * min(8 * step / 64, 1)
        moment, scale = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.999 ** (step + 1))
        weight -= rate * moment / (np.sqrt(scale) + 1e-8)
        half_life = 100 if rampup is None else min(100, rampup * 8 * step)
        keep = 0.5 ** (8 / half_life) if half_life else 0
        average = keep * average + (1 - keep) * weight
    assert state.network.weight.item() == pytest.approx(weight, rel=1e-5)
    assert state.ema.weight.item() == pytest.approx(average, rel=1e-5)
    assert abs(weight - 0.3) > 0.02
    assert abs(weight - average) > 1e-4


def test_training_finds_the_wiener_gain():
    """Images of variance v at one noise level: the best gain is v / (v + sigma^2)."""
    pixels = np.random.default_rng(1).integers(0, 256, (256, 1, 8, 8), dtype=np.uint8)
    variance = np.mean((pixels / 127.5 - 1) ** 2)
    settings = recipe(batch=64, p_mean=np.log(0.5), p_std=1e-6, warmup=0, learning_rate=5e-3, augment=0)
    state = TrainingState.start(Gain())
    run(state, settings, 300 * 64, pixels)
    assert state.ema.weight.item() == pytest.approx(variance / (variance + 0.25), abs=0.01)


def test_the_curve_holds_mean_losses_per_pixel():
    settings = recipe(augment=0, learning_rate=1e-30, warmup=0)
    state = TrainingState.start(Gain())
    steps = run(state, settings, 120 * 8)
    losses = []
    for step in range(120):
        batch = batches.draw(PIXELS, step, settings, 3, torch.device("cpu"))
        losses.append(objectives.edm_loss(Gain(), batch, 0.5).mean().item() / SIDE**2)
    log = state.log()
    assert [point.images_seen for point in log] == [50 * 8, 100 * 8, 120 * 8]
    expected = [np.mean(losses[:50]), np.mean(losses[50:100]), np.mean(losses[100:])]
    assert [point.loss for point in log] == pytest.approx(expected, rel=1e-5)
    assert [step.images_seen for step in steps if step.loss is not None] == [50 * 8, 100 * 8]


def test_microbatches_give_the_same_gradient():
    states = [TrainingState.start(small_network().requires_grad_(True)) for _ in range(2)]
    for state, part in zip(states, (None, 2), strict=True):
        for module in state.network.modules():
            if hasattr(module, "dropout"):
                module.dropout = 0.0
        state.network.eval()  # without dropout, whose masks follow the parts
        batch = batches.draw(PIXELS, 0, recipe(), 3, torch.device("cpu"))
        training._gradients(state, list(state.network.parameters()), batch, recipe(microbatch=part), objectives.EDM)
    for one, other in zip(*(state.network.parameters() for state in states), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


# ---- one go, pieces, files


@pytest.fixture
def short_intervals(monkeypatch):
    monkeypatch.setattr(training, "INTERVAL", 5)


@pytest.mark.parametrize("cuts", [(56,), (8, 16, 80, 104)])
def test_pieces_with_files_between_equal_one_go(tmp_path, cuts, short_intervals):
    settings, until = recipe(), 120
    whole = TrainingState.start(small_network())
    run(whole, settings, until)
    state = TrainingState.start(small_network())
    for cut in cuts:
        run(state, settings, cut)
        snapshots.save_state(tmp_path / "state.safetensors", state, {})
        torch.manual_seed(cut)  # the caller's own random numbers do not matter
        state = TrainingState.start(networks.rebuild(whole.options))
        snapshots.load_state(tmp_path / "state.safetensors", state, {})
    run(state, settings, until)
    assert_same(whole, state)


def test_dropout_flips_and_augmentation_take_part():
    states = [TrainingState.start(small_network()) for _ in range(3)]
    for state, changes in zip(states, ({}, {"x_flip": False}, {"augment": 0}), strict=True):
        run(state, recipe(**changes), 24)
    calm = TrainingState.start(small_network())
    for module in calm.network.modules():
        if hasattr(module, "dropout"):
            module.dropout = 0.0
    run(calm, recipe(), 24)
    losses = {state.log()[-1].loss for state in (*states, calm)}
    assert len(losses) == 4


def test_training_leaves_the_global_generator_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    run(TrainingState.start(small_network()), recipe(), 16)
    assert torch.equal(torch.rand(3), expected)


def cell(images_seen):
    return Cell("toy", COUNT, "a", "ve", 4, 1, images_seen)


def train_cell(root, images_seen, previous=None, pixels=PIXELS, **changes):
    folder = root / cell(images_seen).id
    side_file = root / "unfinished" / f"{cell(images_seen).id}.safetensors"
    training.train_cell(
        cell(images_seen),
        NETWORK,
        recipe(**changes),
        pixels,
        seed=5,
        previous_state=None if previous is None else root / cell(previous).id / "state.safetensors",
        side_file=side_file,
        folder=folder,
        device="cpu",
    )
    return folder


def content(folder):
    return {
        **files.load_tensors(folder / "state.safetensors"),
        **files.load_tensors(folder / "weights.safetensors"),
    }, pd.read_parquet(folder / "training.parquet")


def assert_same_snapshot(first, second):
    (tensors, log), (others, other_log) = content(first), content(second)
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[name], others[name]) for name in tensors)
    pd.testing.assert_frame_equal(log, other_log, check_exact=True)


def test_a_chain_of_snapshots_equals_one_stretch(tmp_path, short_intervals):
    whole = train_cell(tmp_path / "whole", 96)
    train_cell(tmp_path / "chain", 0)
    train_cell(tmp_path / "chain", 56, 0)
    chain = train_cell(tmp_path / "chain", 96, 56)
    assert_same_snapshot(whole, chain)
    log = pd.read_parquet(chain / "training.parquet")
    assert log.images_seen.tolist() == [40, 80, 96]
    assert log.learning_rate.tolist() == pytest.approx([1e-2 * 32 / 64, 1e-2, 1e-2])
    assert not list((tmp_path / "chain" / "unfinished").rglob("*.*"))


def test_images_seen_0_is_the_untrained_network(tmp_path):
    folder = train_cell(tmp_path, 0)
    weights = files.load_tensors(folder / "weights.safetensors")
    state = files.load_tensors(folder / "state.safetensors")
    assert all(name.startswith("model.") for name in weights)
    assert all(torch.equal(tensor, state[f"network.{name}"]) for name, tensor in weights.items())
    assert pd.read_parquet(folder / "training.parquet").empty


def test_weights_are_the_average_and_rebuild_their_network(tmp_path):
    folder = train_cell(tmp_path, 80)
    options = json.loads(files.load_metadata(folder / "weights.safetensors")["options"])
    network = networks.rebuild(options)
    weights = files.load_tensors(folder / "weights.safetensors")
    network.load_state_dict(weights)
    state = files.load_tensors(folder / "state.safetensors")
    assert all(torch.equal(tensor, state[f"ema.{name}"]) for name, tensor in weights.items())
    assert any(not torch.equal(tensor, state[f"network.{name}"]) for name, tensor in weights.items())


def test_a_run_that_died_goes_on_from_its_side_file(tmp_path, monkeypatch):
    whole = train_cell(tmp_path / "whole", 80)
    died = []

    def die(*_, **__):
        died.append(True)
        raise MemoryError

    with monkeypatch.context() as patch:
        steps = iter(range(20))
        save = snapshots.save_state
        patch.setattr(snapshots, "save_state", lambda *args: die() if next(steps) == 6 else save(*args))
        with pytest.raises(MemoryError):
            train_cell(tmp_path / "died", 80, checkpoint_minutes=1e-9)  # saves after every step
    starts = []
    monkeypatch.setattr(progress, "shown", spy_on(progress.shown, starts))
    assert_same_snapshot(whole, train_cell(tmp_path / "died", 80))
    assert died
    assert starts == [6 * 8]


def spy_on(shown, starts):
    def spied(label, total, *, done):
        starts.append(done)
        return shown(label, total, done=done, stream=io.StringIO())

    return spied


def begun(root, images_seen=80, **changes):
    """A side file of a stretch that was stopped after its first step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guards, "interruption", always_stopped)
        with pytest.raises(guards.Interrupted, match="images_seen 8 "):
            train_cell(root, images_seen, **changes)
    return root / "unfinished" / f"{cell(images_seen).id}.safetensors"


@guards.contextmanager
def always_stopped():
    yield lambda: True


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"learning_rate": 2e-2}, "training.learning_rate was 0.01, is 0.02"),
        ({"pixels": PIXELS[::-1]}, "images was"),
    ],
)
def test_a_side_file_of_other_settings_or_images_is_refused(tmp_path, changes, named):
    side_file = begun(tmp_path)
    with pytest.raises(InputError, match=named) as caught:
        train_cell(tmp_path, 80, **changes)
    assert str(side_file) in str(caught.value)
    assert side_file.exists()


def test_how_it_is_saved_and_cut_may_change(tmp_path):
    begun(tmp_path)
    train_cell(tmp_path, 80, checkpoint_minutes=9, microbatch=4)


def test_a_snapshot_further_than_the_side_file_is_preferred(tmp_path, monkeypatch):
    side_file, starts = begun(tmp_path), []
    train_cell(tmp_path, 16)
    monkeypatch.setattr(progress, "shown", spy_on(progress.shown, starts))
    train_cell(tmp_path, 80, 16)
    assert starts == [16]
    assert not side_file.exists()


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "head"])
def test_a_damaged_side_file_is_named_and_set_aside(tmp_path, caplog, damage):
    side_file = begun(tmp_path / "damaged")
    data = bytearray(side_file.read_bytes())
    if damage == "flip":
        data[-100] ^= 1
    elif damage == "head":
        data = data.replace(rb"\"images_seen\": 8", rb"\"images_seen\": 9", 1)
    side_file.write_bytes(data[: len(data) // 2] if damage == "cut" else b"" if damage == "empty" else data)
    folder = train_cell(tmp_path / "damaged", 80)
    assert str(side_file) in caplog.text
    assert side_file.with_name(side_file.name + ".damaged").exists()
    assert not side_file.exists()
    assert_same_snapshot(train_cell(tmp_path / "whole", 80), folder)


def test_a_damaged_snapshot_is_an_error_that_names_it(tmp_path):
    path = train_cell(tmp_path, 80) / "state.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 255
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{path} is damaged"):
        train_cell(tmp_path, 160, 80)


# ---- stopping


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_training
from hidden_gaussian.logs import job_log
with job_log({log!r}):
    print("ready", flush=True)
    test_training.train_cell(Path({root!r}), 20000, checkpoint_minutes=0.01)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_with_an_error_within_10_seconds(tmp_path, number):
    tests, log = str(Path(__file__).parent), tmp_path / "job.log"
    script = SCRIPT.format(tests=tests, log=str(log), root=str(tmp_path))
    library = str(Path(training.__file__).parents[1])
    job = subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": library, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert job.stdout.readline() == "ready\n"
    side_file = tmp_path / "unfinished" / f"{cell(20000).id}.safetensors"
    while not side_file.exists():  # the steps go on
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(number)
    start = time.monotonic()
    _, errors = job.communicate(timeout=30)
    assert time.monotonic() - start < 10
    assert job.returncode == 1
    assert "Traceback" not in errors + log.read_text()
    saved = files.load_tensors(side_file)
    images_seen = json.loads(files.load_metadata(side_file)["snapshot"])["images_seen"]
    assert f"was told to stop at images_seen {images_seen} " in errors
    assert not side_file.with_name(side_file.name + ".lock").exists()
    whole = files.load_tensors(train_cell(tmp_path / "whole", images_seen) / "state.safetensors")
    assert saved.keys() == whole.keys()
    assert all(torch.equal(saved[name], tensor) for name, tensor in whole.items())


def test_signals_are_restored_and_ignored_by_other_threads():
    before = signal.getsignal(signal.SIGTERM)
    with guards.interruption() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped()
    assert signal.getsignal(signal.SIGTERM) is before


def test_two_trainers_cannot_have_one_cell(tmp_path):
    path = tmp_path / "cell.safetensors"
    with guards.lock(path), pytest.raises(InputError, match="another job"), guards.lock(path):
        pass
    (tmp_path / "cell.safetensors.lock").touch()  # left by a job that was killed
    with guards.lock(path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with guards.lock(tmp_path / "cell.safetensors"):
        assert "cell.safetensors.lock cannot be locked" in caplog.text


# ---- numbers that are not finite, settings that cannot be


class Poisoned(Gain):
    """Its loss is not a number from the fifth step on."""

    calls = 0

    def forward(self, noisy, sigma, augment_labels=None):
        self.calls += 1
        return super().forward(noisy, sigma) + (torch.nan if self.calls > 4 else 0)


def test_a_loss_that_is_not_finite_ends_training_and_keeps_the_last_good_state(tmp_path):
    state, path = TrainingState.start(Poisoned()), tmp_path / "state.safetensors"
    settings = recipe(augment=0)
    run(state, settings, 4 * 8)
    snapshots.save_state(path, state, {})
    good = path.read_bytes()
    with pytest.raises(InputError, match=r"nan at step 5 \(images_seen 40, learning rate 0.005\)"):
        run(state, settings, 100 * 8)
    with pytest.raises(InputError, match="step 5"):
        snapshots.save_state(path, state, {})
    assert path.read_bytes() == good


class Spiked(Gain):
    """Its loss is finite, but its first gradient is not."""

    def __init__(self):
        super().__init__()
        self.other = nn.Parameter(torch.tensor(0.0))

    def forward(self, noisy, sigma, augment_labels=None):
        return super().forward(noisy, sigma) + self.other.sqrt() * 0


def test_a_gradient_that_is_not_finite_is_cleaned():
    state = TrainingState.start(Spiked())
    run(state, recipe(augment=0, warmup=0), 8)
    assert state.network.weight.item() != pytest.approx(0.3, abs=1e-4)
    assert np.isfinite(state.network.other.item())


@pytest.mark.parametrize(
    ("changes", "until", "named"),
    [
        ({}, 12, "whole batches"),
        ({}, 8, "augment_dim to 9"),
        ({"augment": 0, "precision": "bf16"}, 8, "training.precision"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, until, named, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    with pytest.raises(InputError, match=named):
        run(TrainingState.start(Gain()), recipe(**changes), until)


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal():
    stream = io.StringIO()
    with progress.shown("n12a/ve4r1/i80", 80, done=40, stream=stream, every=0.0) as show:
        show(60)
        show(80)
    lines = stream.getvalue().splitlines()
    assert any(line.startswith("n12a/ve4r1/i80: 75 %, 60.0 of 80.0 images") for line in lines)
    assert "\r" not in stream.getvalue()
    quiet = io.StringIO()
    with progress.shown("cell", 80, stream=quiet, every=60.0) as show:
        for now in range(80):
            show(now)
    assert len(quiet.getvalue().splitlines()) <= 2
