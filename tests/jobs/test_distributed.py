"""Teams of processes: their training against one process, and their ends."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch

import toy_training
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import distributed, interruption, logs
from hidden_gaussian.jobs.distributed import Team
from hidden_gaussian.storage import arrays
from hidden_gaussian.training import checkpoints, segment
from smoke_study import ROOT


def test_shares_are_disjoint_and_make_up_the_batch():
    shares = [list(range(12))[Team(rank, 3).share(12)] for rank in range(3)]
    assert [image for share in shares for image in share] == list(range(12))
    assert {len(share) for share in shares} == {4}


def train(root, images_seen, previous=None, gpus=1):
    task = toy_training.toy_segment(root, images_seen, previous, learning_rate=1e-3, gpus=gpus)
    segment.train_segment(task)
    return task.folder


def test_two_processes_train_as_one_and_continue_from_one(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    whole = train(one, 480)
    train(two, 160)
    shared = train(two, 480, 160, gpus=2)
    curve, other = (pd.read_parquet(folder / "training.parquet") for folder in (whole, shared))
    assert other.images_seen.tolist() == [400, 480]
    pd.testing.assert_frame_equal(curve, other, rtol=1e-4)
    weights, others = (arrays.load_tensors(folder / "state.safetensors") for folder in (whole, shared))
    assert weights.keys() == others.keys()
    for name, tensor in weights.items():
        torch.testing.assert_close(others[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


WAITING = """
import logging, sys, torch
from pathlib import Path
from hidden_gaussian.jobs import distributed as team_of
from hidden_gaussian.errors import InputError
with team_of.reported(Path(sys.argv[1]).parent), team_of.joined() as (team, device):
    if team.rank == 1:
        logging.getLogger("hidden_gaussian.waiting").info("looking for pixels")
        raise InputError("the second process found no pixels")
    team.all_reduce_(torch.ones(3))
"""


@pytest.mark.fault("one process of a parallel training fails", "the job ends with that process's own error")
def test_a_process_that_fails_ends_the_job_with_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "waiting.py").write_text(WAITING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv(logs.VARIABLE, str(tmp_path / "job.log"))
    with pytest.raises(InputError, match=r"^the second process found no pixels$"):
        distributed.launch("waiting", 2, {})
    assert (tmp_path / "job.log").read_text().endswith("INFO looking for pixels\n")


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (InputError("no pixels"), InputError, "^no pixels$"),
        (OSError(28, "No space left on device", "a/b"), OSError, "No space left on device: 'a/b'"),
        (ValueError("a slip"), RuntimeError, "(?s)Traceback.*test_distributed.*a slip"),
    ],
)
def test_the_first_error_is_reported(tmp_path, error, expected, message):
    for one in (error, ConnectionError("peer is gone")):
        with pytest.raises(SystemExit), distributed.reported(tmp_path):
            raise one
    with pytest.raises(expected, match=message):
        distributed._raise_report(tmp_path, 1, stopped=False)


def test_killed_processes_leave_the_log_of_torchrun(tmp_path):
    (tmp_path / "torchrun.log").write_text("Signal 9 (SIGKILL) received")
    with pytest.raises(RuntimeError, match=r"status 1.*\nSignal 9"):
        distributed._raise_report(tmp_path, 1, stopped=False)


def test_processes_stopped_before_they_report_are_no_defect(tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "PATIENCE", 0.0)
    with pytest.raises(interruption.Interrupted, match="stopped by a signal"):
        distributed._raise_report(tmp_path, 1, stopped=True)


class Ended:
    """A job that ended well between two polls."""

    polled = 0

    def poll(self):
        self.polled += 1
        return None if self.polled == 1 else 0

    def wait(self):
        return 0


def test_a_job_that_ended_well_before_the_signal_succeeds(monkeypatch):
    @interruption.contextmanager
    def stopped():
        yield lambda: True

    monkeypatch.setattr(interruption, "interruption", stopped)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: Ended())
    start = time.monotonic()
    distributed.launch("any", 2, {})
    assert time.monotonic() - start < distributed.PATIENCE / 2


LATE = """
import os, signal, sys, time
from pathlib import Path
from hidden_gaussian.training import checkpoints, segment
def late(*task):
    work(*task)
    if os.environ["RANK"] == "0":
        os.kill(int(os.environ["JOB"]), signal.SIGTERM)
        time.sleep(3)  # in which torchrun is task to stop, and tells its processes
work, {work} = {work}, late
segment._main(Path(sys.argv[1]))
"""


@pytest.mark.fault(
    "SIGTERM for a parallel training whose last step is done", "its files are written, and the job succeeds"
)
@pytest.mark.parametrize("work", ["checkpoints.save_outputs", "segment.train_in_process"])
def test_a_job_whose_files_are_written_succeeds_after_a_signal(tmp_path, monkeypatch, work):
    (tmp_path / "late.py").write_text(LATE.format(work=work))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("JOB", str(os.getpid()))
    task = toy_training.toy_segment(tmp_path, 16, gpus=2)
    distributed.launch("late", 2, task.model_dump(mode="json"))
    assert checkpoints.are_whole(task.folder, segment.fingerprint(task))
    assert not task.side_file.exists()


SLOW = """
import os, signal, sys, time
from pathlib import Path
from hidden_gaussian.training import losses, segment
def slow(*batch):
    passes.append(batch)
    if len(passes) == 3:
        if os.environ["RANK"] == "0":
            os.kill(int(os.environ["JOB"]), signal.SIGTERM)
        time.sleep(5)
    return losses.edm_loss(*batch)
passes, segment.TIME_TO_SAVE = [], 0.5
losses.EDM = losses.EDM._replace(loss=slow)
segment._main(Path(sys.argv[1]))
"""


@pytest.mark.fault("SIGTERM for a parallel training in a long forward pass", "the step is undone, and the state saved")
def test_the_first_process_undoes_a_step_that_others_do_not_finish(tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("JOB", str(os.getpid()))
    task = toy_training.toy_segment(tmp_path, 80, gpus=2)
    with pytest.raises(InputError, match="was stopped by a signal at images_seen 16; its state is in"):
        distributed.launch("slow", 2, task.model_dump(mode="json"))
    assert json.loads(arrays.load_metadata(task.side_file)["snapshot"])["images_seen"] == 16


TIMES = """
import sys
from pathlib import Path
import torch
from torch import distributed
from hidden_gaussian.jobs import distributed as team_of
with team_of.reported(Path(sys.argv[1]).parent), team_of.joined() as (team, device):
    seconds = distributed.group.WORLD._get_backend(device).options._timeout.total_seconds()
    if team.rank == 0:
        Path(sys.argv[0]).with_name("seconds").write_text(str(seconds))
"""


def test_a_process_may_wait_long_for_the_first_one(tmp_path, monkeypatch):
    (tmp_path / "times.py").write_text(TIMES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    distributed.launch("times", 2, {})
    assert float((tmp_path / "seconds").read_text()) > 24 * 3600


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import toy_training
from hidden_gaussian.jobs import job_log
from hidden_gaussian.training import segment
with job_log({log!r}):
    segment.train_segment(toy_training.toy_segment(Path({root!r}), 20000, gpus=2, checkpoint_minutes=0.01))
"""


@pytest.mark.fault("SIGTERM for a parallel training", "saved and ended within 10 seconds")
def test_a_signal_saves_and_ends_all_processes_within_10_seconds(tmp_path):
    script = SCRIPT.format(tests=str(ROOT / "tests/fixtures"), log=str(tmp_path / "job.log"), root=str(tmp_path))
    library = {"PYTHONPATH": str(ROOT / "workflow")}
    job = subprocess.Popen([sys.executable, "-c", script], env=os.environ | library, stderr=subprocess.PIPE, text=True)
    side_file = toy_training.toy_segment(tmp_path, 20000).side_file
    while not side_file.exists():
        assert job.poll() is None
        time.sleep(0.05)
    job.send_signal(signal.SIGTERM)
    start = time.monotonic()
    _, errors = job.communicate(timeout=60)  # the pipe closes when the last process has ended
    assert time.monotonic() - start < 10
    assert job.returncode == 1
    images_seen = json.loads(arrays.load_metadata(side_file)["snapshot"])["images_seen"]
    assert f"was stopped by a signal at images_seen {images_seen};" in errors
    assert "Traceback" not in errors
    assert not side_file.with_name(side_file.name + ".lock").exists()
