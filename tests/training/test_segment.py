"""Training segments that are chained, killed, stopped, out of space or trained twice, against undisturbed ones."""

import contextlib
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import tqdm
from torch import nn

from hidden_gaussian import versions
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import interruption, progress
from hidden_gaussian.jobs.logs import job_log
from hidden_gaussian.storage import arrays
from hidden_gaussian.training import batches, checkpoints, loop, losses, segment
from hidden_gaussian.training.state import TrainingState
from smoke_study import ROOT
from toy_images import PIXELS
from toy_training import (
    NETWORK,
    all_files,
    assert_same_checkpoint,
    cell,
    stop_after_one_step,
    toy_segment,
    train_cell,
)


def test_a_chain_of_checkpoints_equals_one_segment(tmp_path, short_intervals):
    whole = train_cell(tmp_path / "whole", 96)
    train_cell(tmp_path / "chain", 0)
    train_cell(tmp_path / "chain", 56, 0)
    chain = train_cell(tmp_path / "chain", 96, 56)
    assert_same_checkpoint(whole, chain)
    log = pd.read_parquet(chain / "training.parquet")
    assert log.images_seen.tolist() == [40, 80, 96]
    assert log.learning_rate.tolist() == pytest.approx([1e-2 * 32 / 64, 1e-2, 1e-2])
    assert not list((tmp_path / "chain" / "unfinished").rglob("*.*"))


@pytest.mark.fault("a training is killed", "it continues from its side file, to the same bits")
def test_a_run_that_died_continues_from_its_side_file(tmp_path, monkeypatch):
    whole = train_cell(tmp_path / "whole", 80)
    died = []

    def die(*_, **__):
        died.append(True)
        raise MemoryError

    with monkeypatch.context() as patch:
        steps = iter(range(20))
        save = checkpoints.save_state
        patch.setattr(checkpoints, "save_state", lambda *args: die() if next(steps) == 6 else save(*args))
        with pytest.raises(MemoryError):
            train_cell(tmp_path / "died", 80, checkpoint_minutes=1e-9)  # saves after every step
    starts = []
    monkeypatch.setattr(segment, "progress_bar", spy_on(progress.progress_bar, starts))
    assert_same_checkpoint(whole, train_cell(tmp_path / "died", 80))
    assert died
    assert starts == [6 * 8]


def spy_on(shown, starts):
    def spied(label, total, *, done):
        starts.append(done)
        return shown(label, total, done=done, stream=io.StringIO())

    return spied


def test_the_saving_interval_and_the_parts_of_a_batch_may_change(tmp_path):
    side_file = stop_after_one_step(tmp_path)
    folder = train_cell(tmp_path, 80, checkpoint_minutes=9, microbatch=4)
    assert pd.read_parquet(folder / "training.parquet").images_seen.iloc[-1] == 80
    assert not side_file.exists()


@pytest.mark.parametrize(
    ("changes", "version", "named"),
    [
        ({"seed": 6}, 0, "seed was"),
        ({"network": NETWORK.model_copy(update={"dropout": 0.2})}, 0, r"network\.dropout was 0\.1, is 0\.2"),
        ({}, 1, "recipe was"),
    ],
)
def test_a_side_file_of_another_seed_network_or_version_is_refused(tmp_path, monkeypatch, changes, version, named):
    stop_after_one_step(tmp_path)
    monkeypatch.setattr(versions, "TRAINING", versions.TRAINING + version)
    with pytest.raises(InputError, match=named):
        segment.train_in_process(toy_segment(tmp_path, 80).model_copy(update=changes), torch.device("cpu"))


def test_the_side_file_stays_until_the_checkpoint_is_written(tmp_path, monkeypatch):
    side_file = stop_after_one_step(tmp_path)

    def fail(*_):
        raise InputError("no space")

    monkeypatch.setattr(checkpoints, "save_outputs", fail)
    with pytest.raises(InputError, match="no space"):
        train_cell(tmp_path, 80)
    assert side_file.exists()


def test_the_state_is_saved_every_checkpoint_minutes(tmp_path, monkeypatch):
    """By a clock that advances by 20 seconds at every reading; the last state belongs to the checkpoint."""
    clock, saved, save = itertools.count(0, 20), [], checkpoints.save_state

    def spied(path, state, fingerprint):
        saved.append((path.name == "state.safetensors", state.images_seen))
        save(path, state, fingerprint)

    monkeypatch.setattr(segment, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(checkpoints, "save_state", spied)
    train_cell(tmp_path, 80, checkpoint_minutes=1)
    assert saved == [(False, 4 * 8), (False, 8 * 8), (True, 10 * 8)]


def test_a_checkpoint_further_than_the_side_file_is_preferred(tmp_path, monkeypatch):
    side_file, starts = stop_after_one_step(tmp_path), []
    train_cell(tmp_path, 16)
    monkeypatch.setattr(segment, "progress_bar", spy_on(progress.progress_bar, starts))
    train_cell(tmp_path, 80, 16)
    assert starts == [16]
    assert not side_file.exists()


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.fault("the disk runs full in a training", "one error; earlier files intact; a rerun continues")
def test_training_continues_after_a_full_disk_was_cleared(small_disk, tmp_path):
    train_cell(small_disk, 40)
    side_file = stop_after_one_step(small_disk)
    before, ballast = all_files(small_disk), small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(free.f_bavail * free.f_bsize - 16_384))
    with pytest.raises(InputError, match=f"{side_file}: .*No space left on device"):
        train_cell(small_disk, 80, checkpoint_minutes=1e-9)
    ballast.unlink()
    assert all_files(small_disk) == before
    assert_same_checkpoint(train_cell(small_disk, 80), train_cell(tmp_path / "whole", 80))


@pytest.mark.fault("a training whose results folder is read-only", "one sentence; nothing changes")
def test_a_read_only_folder_is_one_sentence(tmp_path, read_only, capsys):
    train_cell(tmp_path / "results", 8)
    task, before = toy_segment(tmp_path / "results", 16, 8), all_files(tmp_path / "results")
    read_only(tmp_path / "results")
    capsys.readouterr()
    with pytest.raises(SystemExit), job_log(tmp_path / "job.log"):
        segment.train_in_process(task, torch.device("cpu"))
    said = capsys.readouterr().err
    assert re.fullmatch(r"Error: \S+: (Read-only file system|Permission denied)\n", said)
    assert "Traceback" not in (tmp_path / "job.log").read_text()
    assert all_files(tmp_path / "results") == before


@pytest.mark.fault("the clock goes backwards in a training, and before it", "the same bytes")
def test_a_clock_that_goes_backwards_changes_nothing(tmp_path, monkeypatch):
    """Every reading is an hour earlier than the one before; older files are dated in the future."""
    for name in ("steady", "jumping"):
        train_cell(tmp_path / name, 16)
        stop_after_one_step(tmp_path / name, 80)
    for path in (tmp_path / "jumping").rglob("*"):
        os.utime(path, (4e9, 4e9))
    readings = iter(range(10**6))

    def earlier():
        return 1e9 - 3600 * next(readings)

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", earlier)
        patch.setattr(time, "time_ns", lambda: int(1e9 * earlier()))
        patch.setattr(tqdm.std, "time", earlier)
        patch.setattr(segment, "progress_bar", partial(progress.progress_bar, every=0.0))
        train_cell(tmp_path / "jumping", 80, 16, checkpoint_minutes=1e-9)
    assert next(readings) > 8  # the clock was read
    train_cell(tmp_path / "steady", 80, 16)
    files_of = [
        {path.relative_to(tmp_path / name): content for path, content in all_files(tmp_path / name).items()}
        for name in ("steady", "jumping")
    ]
    assert files_of[0] == files_of[1]


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import toy_training
from hidden_gaussian.jobs import job_log
with job_log({log!r}):
    print("ready", flush=True)
    toy_training.train_cell(Path({root!r}), 20000, checkpoint_minutes=0.01)
"""


@pytest.mark.fault("SIGTERM or SIGINT for a training", "saved and ended within 10 seconds")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_with_an_error_within_10_seconds(tmp_path, number):
    tests, log = str(ROOT / "tests/fixtures"), tmp_path / "job.log"
    script = SCRIPT.format(tests=tests, log=str(log), root=str(tmp_path))
    library = str(ROOT / "workflow")
    job = subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": library, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert job.stdout.readline() == "ready\n"
    side_file = tmp_path / "unfinished" / f"{cell(20000).id}.safetensors"
    while not side_file.exists():  # steps are running
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(number)
    start = time.monotonic()
    _, errors = job.communicate(timeout=30)
    assert time.monotonic() - start < 10
    assert job.returncode == 1
    assert "Traceback" not in errors + log.read_text()
    saved = arrays.load_tensors(side_file)
    images_seen = json.loads(arrays.load_metadata(side_file)["snapshot"])["images_seen"]
    assert f"was stopped by a signal at images_seen {images_seen};" in errors
    assert not side_file.with_name(side_file.name + ".lock").exists()
    whole = arrays.load_tensors(train_cell(tmp_path / "whole", images_seen) / "state.safetensors")
    assert saved.keys() == whole.keys()
    assert all(torch.equal(saved[name], tensor) for name, tensor in whole.items())


class Signalled(nn.Module):
    """A network that sends its job SIGTERM in some forward pass; later passes are slow."""

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


@pytest.mark.fault(
    "SIGTERM in a step of many seconds", "the step is undone after a part of the batch; the state is saved"
)
def test_a_long_step_is_undone_and_trained_again(tmp_path, monkeypatch):
    whole = train_cell(tmp_path / "whole", 80, microbatch=1)
    start = TrainingState.start
    with monkeypatch.context() as patch:
        patch.setattr(TrainingState, "start", lambda network, device: unwrapped(start(Signalled(network, 20), device)))
        start_time = time.monotonic()
        with pytest.raises(interruption.Interrupted, match="stopped by a signal at images_seen 16;"):
            train_cell(tmp_path / "cut", 80, microbatch=1)
        assert time.monotonic() - start_time < 10  # four more passes would take 12 seconds
    assert_same_checkpoint(whole, train_cell(tmp_path / "cut", 80, microbatch=1))


def unwrapped(state):
    """The state, with the tensor names of the wrapped network in its files."""
    for module in (state.network, state.ema):
        module.state_dict = module.network.state_dict
    return state


def test_the_objective_follows_from_the_architecture_or_the_one_noise_level(tmp_path):
    task = toy_segment(tmp_path, 8)
    baseline = task.model_copy(update={"cell": replace(task.cell, architecture="ve-baseline")})
    level = task.model_copy(update={"sigma": 2.0}).objective
    assert task.objective is losses.EDM
    assert baseline.objective is losses.VARIANCE_EXPLODING
    assert level.loss is losses.plain_loss
    assert level.levels(torch.zeros(3), task.training).tolist() == [2.0] * 3


def test_a_segment_maps_its_images_and_its_fingerprint_has_their_checksum(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BLOCK", 5)
    task = toy_segment(tmp_path, 8)
    assert isinstance(task.pixels().images, np.memmap)
    assert segment.fingerprint(task)["images"] == hashlib.sha256(PIXELS.tobytes()).hexdigest()


def test_a_subset_with_an_index_beyond_the_images_is_refused(tmp_path):
    task = toy_segment(tmp_path, 8)
    arrays.save_array(task.subset, np.arange(1, len(PIXELS) + 1))
    with pytest.raises(InputError, match=r"subset\.npy has index 12; expected less than 12; delete it and run again"):
        segment.train_in_process(task, torch.device("cpu"))


@pytest.mark.fault("two jobs train one cell", "the second uses the result of the first")
@pytest.mark.parametrize("damage", [None, "state.safetensors", "weights.safetensors", "training.parquet"])
def test_a_segment_that_another_job_trained_is_not_trained_again(tmp_path, monkeypatch, damage):
    folder = train_cell(tmp_path, 32)
    if damage:
        (folder / damage).write_bytes(b"damaged")

    @contextlib.contextmanager
    def waited(path):
        yield True

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(interruption, "lock", waited)
    monkeypatch.setattr(loop, "train", refuse)
    if damage:
        with pytest.raises(AssertionError, match="trained again"):
            train_cell(tmp_path, 32)
    else:
        train_cell(tmp_path, 32)
