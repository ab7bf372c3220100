import contextlib
import copy
import errno
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors
import safetensors.torch
import torch
import tqdm
from torch import nn

from hidden_gaussian import batches, files, guards, networks, objectives, progress, snapshots, stretches, training
from hidden_gaussian.batches import Batch
from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError
from hidden_gaussian.logs import job_log
from hidden_gaussian.networks.dropout import Dropout
from hidden_gaussian.parallel import ALONE, Team
from hidden_gaussian.settings import Network, Training
from hidden_gaussian.state import TrainingState
from hidden_gaussian.stretches import Stretch

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


def dropouts(network):
    return [module for module in network.modules() if isinstance(module, Dropout)]


def run(state, settings, until, pixels=PIXELS, seed=3):
    return list(training.train(state, pixels, settings, until=until, seed=seed))


def assert_same(first, second):
    for one, other in ((first.network, second.network), (first.ema, second.ema)):
        for name, tensor in one.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[name]), name
    assert first.moments.keys() == second.moments.keys()
    assert all(torch.equal(tensor, second.moments[name]) for name, tensor in first.moments.items())
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
        return batches.draw(PIXELS, step, recipe(), seed, torch.device("cpu"), layers=2)

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


def totals(part=None, team=ALONE):
    """The gradients of one step with dropout, and its loss."""
    state = TrainingState.start(small_network())
    layers = len(dropouts(state.network))
    cpu, share = torch.device("cpu"), team.share(8)
    batch = batches.draw(PIXELS, 0, recipe(), 3, cpu, share=share, layers=layers)
    training._gradients(state, batch, recipe(microbatch=part), objectives.EDM, ALONE, lambda: False)
    return state.totals


def test_microbatches_and_shares_give_the_same_gradient():
    whole = totals()
    assert whole[:-1].abs().max() > 0.1
    shares = sum(totals(part=1, team=Team(rank, 4)) for rank in range(4))
    for cut in (totals(part=2), totals(part=1), shares):
        torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-5)


def test_dropout_has_its_law_and_does_not_look_at_the_company():
    layer, features = Dropout(0.3).train(), torch.ones(2000, 3, 4, 5)
    layer.keys = batches.draw(PIXELS, 0, recipe(batch=2000), 1, torch.device("cpu"), layers=1).keys[:, 0]
    kept = layer(features)
    assert sorted(set(kept.flatten().tolist())) == pytest.approx([0, 1 / 0.7])
    dropped = (kept == 0).flatten(1).double()
    assert dropped.mean(0).numpy() == pytest.approx(0.3, abs=5 * (0.21 / 2000) ** 0.5)
    assert dropped.mean(1).std().item() == pytest.approx((0.21 / 60) ** 0.5, rel=0.1)
    for rows in (dropped, dropped.T[:, :60]):
        correlation = torch.corrcoef(rows.T) - torch.eye(60, dtype=torch.float64)
        assert correlation.square().sum(1).mean().item() == pytest.approx(59 / len(rows), rel=0.35)
    layer.keys = layer.keys[[7, 3]]
    assert torch.equal(layer(features[:2]), kept[[7, 3]])


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
    for layer in dropouts(calm.network):
        layer.probability = 0.0
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


def stretch(root, images_seen, previous=None, pixels=PIXELS, **changes):
    files.save_array(root / "images.npy", pixels)
    files.save_array(root / "subset.npy", np.arange(len(pixels)))
    return Stretch(
        cell=cell(images_seen),
        network=NETWORK,
        training=recipe(**changes),
        images=root / "images.npy",
        subset=root / "subset.npy",
        seed=5,
        previous_state=None if previous is None else root / cell(previous).id / "state.safetensors",
        side_file=root / "unfinished" / f"{cell(images_seen).id}.safetensors",
        folder=root / cell(images_seen).id,
    )


def train_cell(root, images_seen, previous=None, pixels=PIXELS, **changes):
    told = stretch(root, images_seen, previous, pixels, **changes)
    stretches.train(told, torch.device("cpu"))
    return told.folder


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


@pytest.mark.fault("a training is killed", "it goes on from its side file, to the same bits")
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


@pytest.mark.fault("settings or images changed since the side file", "refused, with what differs")
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
    side_file = begun(tmp_path)
    folder = train_cell(tmp_path, 80, checkpoint_minutes=9, microbatch=4)
    assert pd.read_parquet(folder / "training.parquet").images_seen.iloc[-1] == 80
    assert not side_file.exists()


def test_a_snapshot_further_than_the_side_file_is_preferred(tmp_path, monkeypatch):
    side_file, starts = begun(tmp_path), []
    train_cell(tmp_path, 16)
    monkeypatch.setattr(progress, "shown", spy_on(progress.shown, starts))
    train_cell(tmp_path, 80, 16)
    assert starts == [16]
    assert not side_file.exists()


@pytest.mark.fault("the side file is damaged", "named, set aside; training goes on from the last snapshot")
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


# ---- a full disk


def everything(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        safetensors.SafetensorError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_failed_write_is_one_clear_error_and_leaves_every_file(tmp_path, monkeypatch, error):
    begun(tmp_path)
    train_cell(tmp_path, 16)
    before = everything(tmp_path)

    def write_half(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(safetensors.torch, "save_file", write_half)
    with pytest.raises(InputError, match=r"could not be written \(.*No space left on device.*\): make room"):
        train_cell(tmp_path, 80, 16, checkpoint_minutes=1e-9)
    assert everything(tmp_path) == before


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.fault("the disk runs full in a training", "one error; earlier files intact; a rerun goes on")
def test_a_disk_that_runs_full_can_be_cleared_and_training_goes_on(small_disk, tmp_path):
    train_cell(small_disk, 40)
    side_file = begun(small_disk)
    before, ballast = everything(small_disk), small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(free.f_bavail * free.f_bsize - 16_384))
    with pytest.raises(InputError, match=f"{side_file}: .*No space left on device"):
        train_cell(small_disk, 80, checkpoint_minutes=1e-9)
    ballast.unlink()
    assert everything(small_disk) == before
    assert_same_snapshot(train_cell(small_disk, 80), train_cell(tmp_path / "whole", 80))


@pytest.mark.fault("a training whose results are on a read-only place", "one sentence; nothing changes")
def test_a_read_only_place_is_one_sentence(tmp_path, read_only, capsys):
    train_cell(tmp_path / "results", 8)
    told, before = stretch(tmp_path / "results", 16, 8), everything(tmp_path / "results")
    read_only(tmp_path / "results")
    capsys.readouterr()
    with pytest.raises(SystemExit), job_log(tmp_path / "job.log"):
        stretches.train(told, torch.device("cpu"))
    said = capsys.readouterr().err
    assert re.fullmatch(r"Error: \S+: (Read-only file system|Permission denied)\n", said)
    assert "Traceback" not in (tmp_path / "job.log").read_text()
    assert everything(tmp_path / "results") == before


@pytest.mark.fault("the clock goes backwards in a training, and before it", "the same bytes")
def test_a_clock_that_goes_backwards_changes_nothing(tmp_path, monkeypatch):
    """Every look at the clock is an hour earlier than the one before; what came before is dated in the future."""
    for name in ("steady", "jumping"):
        train_cell(tmp_path / name, 16)
        begun(tmp_path / name, 80)
    for path in (tmp_path / "jumping").rglob("*"):
        os.utime(path, (4e9, 4e9))
    looks = iter(range(10**6))

    def earlier():
        return 1e9 - 3600 * next(looks)

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", earlier)
        patch.setattr(time, "time_ns", lambda: int(1e9 * earlier()))
        patch.setattr(tqdm.std, "time", earlier)
        patch.setattr(progress, "shown", partial(progress.shown, every=0.0))
        train_cell(tmp_path / "jumping", 80, 16, checkpoint_minutes=1e-9)
    assert next(looks) > 8  # it was looked at
    train_cell(tmp_path / "steady", 80, 16)
    files_of = [
        {path.relative_to(tmp_path / name): content for path, content in everything(tmp_path / name).items()}
        for name in ("steady", "jumping")
    ]
    assert files_of[0] == files_of[1]


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


@pytest.mark.fault("SIGTERM or SIGINT for a training", "saved and ended within 10 seconds")
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


class Signalled(nn.Module):
    """A network that takes its time, and whose job is told to stop in some pass; from then on a pass is slower."""

    def __init__(self, network, at):
        super().__init__()
        self.network, self.options, self.at, self.calls = network, network.options, at, 0

    def forward(self, *arguments):
        self.calls += 1
        if self.calls == self.at:
            os.kill(os.getpid(), signal.SIGTERM)
        if self.calls > self.at:
            time.sleep(3)
        return self.network(*arguments)


@pytest.mark.fault("SIGTERM in a step of many seconds", "the step is given up after a part of the batch, and saved")
def test_a_long_step_is_given_up_and_trained_again(tmp_path, monkeypatch):
    whole = train_cell(tmp_path / "whole", 80, microbatch=1)
    start = TrainingState.start
    with monkeypatch.context() as patch:
        patch.setattr(TrainingState, "start", lambda network, device: unwrapped(start(Signalled(network, 20), device)))
        begun = time.monotonic()
        with pytest.raises(guards.Interrupted, match="told to stop at images_seen 16 "):
            train_cell(tmp_path / "cut", 80, microbatch=1)
        assert time.monotonic() - begun < 10  # four more passes would take 12 seconds
    assert_same_snapshot(whole, train_cell(tmp_path / "cut", 80, microbatch=1))


def unwrapped(state):
    """The state whose files do not know of the wrapper."""
    for module in (state.network, state.ema):
        module.state_dict = module.network.state_dict
    return state


@pytest.mark.parametrize("architecture", ["ve", "dae-skip"])
def test_a_step_that_is_given_up_leaves_no_trace(architecture):
    options = {"resolution": SIDE, "channels": 1, "scale": 4, "seed": 1, **NETWORK.model_dump()}
    settings = recipe(augment=0, microbatch=2)
    states = [TrainingState.start(networks.build(architecture, **options)) for _ in range(2)]
    whole, cut = states
    run(whole, settings, 24)
    before, asked = copy.deepcopy(cut.network.state_dict()), []
    for told in (1, 2, 3):
        calls = iter(range(told, 0, -1))
        steps = training.train(cut, PIXELS, settings, until=24, seed=3, stopped=lambda calls=calls: next(calls) == 1)
        assert list(steps) == []
        asked.append(next(calls, None))
        assert all(torch.equal(before[name], tensor) for name, tensor in cut.network.state_dict().items())
        assert cut.images_seen == 0
        assert not cut.log()
    assert asked == [None] * 3
    run(cut, settings, 24)
    assert_same(whole, cut)


# ---- images that are left where they are


def test_a_subset_of_mapped_images_reads_only_what_is_asked_for(tmp_path, monkeypatch):
    indices = np.array([7, 2, 9, 0, 5])
    files.save_array(tmp_path / "images.npy", PIXELS)
    mapped = files.load_array(tmp_path / "images.npy", mmap=True)
    subset = batches.Subset(mapped, indices)
    whole = PIXELS[indices]
    assert (len(subset), subset.shape, subset.nbytes) == (5, whole.shape, whole.nbytes)
    assert np.array_equal(subset[np.array([3, 3, 1])], whole[[3, 3, 1]])
    monkeypatch.setattr(batches, "BLOCK", 2)
    assert [len(block) for block in batches.blocks(subset)] == [2, 2, 1]
    states = [TrainingState.start(small_network()) for _ in range(2)]
    for state, pixels in zip(states, (subset, whole), strict=True):
        run(state, recipe(), 24, pixels)
    assert_same(*states)


def test_a_stretch_maps_its_images_and_its_fingerprint_is_that_of_their_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BLOCK", 5)
    told = stretch(tmp_path, 8)
    pixels = told.pixels()
    assert isinstance(pixels.images, np.memmap)
    state = TrainingState.start(small_network())
    found = stretches._fingerprint(told, state, pixels)["images"]
    assert found == hashlib.sha256(PIXELS.tobytes()).hexdigest()


# ---- signals and locks


def test_signals_are_restored_and_ignored_by_other_threads():
    before = signal.getsignal(signal.SIGTERM)
    with guards.interruption() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped()
    assert signal.getsignal(signal.SIGTERM) is before


WAITING = """
import threading
from hidden_gaussian import guards
with guards.delayed_end(0.3):
    print("ready", flush=True)
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
"""


def test_a_process_that_waits_for_another_ends_a_while_after_a_signal():
    library = str(Path(training.__file__).parents[1])
    command = [sys.executable, "-c", WAITING]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": library}, stdout=subprocess.PIPE) as job:
        assert job.stdout.readline() == b"ready\n"
        start = time.monotonic()
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=30) == 1
        assert time.monotonic() - start > 0.25


def test_a_delayed_end_leaves_signals_as_they_were():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with guards.delayed_end(0.0):
        assert signal.getsignal(signal.SIGTERM) is not before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.fault("two jobs train one cell", "the second waits")
def test_a_second_trainer_waits_for_the_first(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(guards, "PAUSE", 0.01)
    path, order = tmp_path / "cell.safetensors", []

    def second():
        with guards.lock(path) as waited:
            order.append(("second", waited))

    with guards.lock(path) as waited:
        thread = threading.Thread(target=second)
        thread.start()
        while "waiting for its end" not in caplog.text:
            time.sleep(0.01)
        order.append(("first", waited))
    thread.join()
    assert order == [("first", False), ("second", True)]
    (tmp_path / "cell.safetensors.lock").touch()  # left by a job that was killed
    with guards.lock(path) as waited:
        assert not waited
    assert not list(tmp_path.iterdir())


@pytest.mark.fault("two jobs train one cell", "the second takes over what the first made")
@pytest.mark.parametrize("damage", [None, "state.safetensors", "weights.safetensors", "training.parquet"])
def test_what_the_other_job_trained_is_not_trained_again(tmp_path, monkeypatch, damage):
    folder = train_cell(tmp_path, 32)
    if damage:
        (folder / damage).write_bytes(b"not whole")

    @contextlib.contextmanager
    def waited(path):
        yield True

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(guards, "lock", waited)
    monkeypatch.setattr(training, "train", refuse)
    if damage:
        with pytest.raises(AssertionError, match="trained again"):
            train_cell(tmp_path, 32)
    else:
        train_cell(tmp_path, 32)


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


@pytest.mark.fault("the loss is not finite", "training ends with step and learning rate; the last good state is kept")
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


class Large(Gain):
    """It asks for more memory than any machine has."""

    def forward(self, noisy, sigma, augment_labels=None):
        return super().forward(noisy, sigma) + torch.empty(10**15)


@pytest.mark.fault("a batch that no memory holds", "one sentence that names the setting")
@pytest.mark.parametrize(("network", "batch"), [(Gain, 10**15), (Large, 8)])
def test_a_batch_that_does_not_fit_memory_is_one_sentence(network, batch):
    with pytest.raises(InputError, match=f"training.batch: {batch} images .* set training.microbatch") as caught:
        run(TrainingState.start(network()), recipe(augment=0, batch=batch), batch)
    assert "\n" not in str(caught.value)


def test_other_errors_of_torch_are_not_taken_for_a_want_of_memory():
    state = TrainingState.start(Gain())
    state.network.forward = lambda *_: torch.ones(2) @ torch.ones(3)
    with pytest.raises(RuntimeError, match="size"):
        run(state, recipe(augment=0), 8)


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
        ({"augment": 0, "precision": "bf16"}, 8, "training.precision: bf16"),
        ({"augment": 0, "precision": "tf32"}, 8, "training.precision: tf32"),
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
