"""Several processes on one machine that train one network: each takes a share of every batch."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, distributed

from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import interruption, logs
from hidden_gaussian.storage import save_json

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
TIMEOUT = timedelta(days=7)  # long: the first process may wait for another job, and torchrun reports one that fails
PATIENCE = 10.0  # seconds for the processes to report after a signal

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Team:
    """The processes that train one network, as seen from one of them; by default a single process.

    Attributes
    ----------
    rank : int
        Number of this process. Process 0 reads and writes the files.
    size : int
        Number of processes.

    Examples
    --------
    >>> Team(rank=1, size=2).share(8)
    slice(4, 8, None)
    """

    rank: int = 0
    size: int = 1

    def share(self, batch: int) -> slice:
        """Return this process's part of a batch, whose size is a multiple of the team's."""
        part = batch // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def all_reduce_(self, totals: Tensor) -> None:
        """Replace a tensor by its sum over the team; in place, because gradients are views of it."""
        if self.size > 1:
            distributed.all_reduce(totals)

    def broadcast_(self, *tensors: Tensor) -> None:
        """Replace tensors by those of process 0; in place, because parameters are views of them."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)


ALONE = Team()


@contextmanager
def joined() -> Iterator[tuple[Team, torch.device]]:
    """Join the team of a process that torchrun started; yield the team and this process's device.

    Without GPUs the processes share the cores.

    Raises
    ------
    InputError
        If there are GPUs, but fewer than processes.
    """
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    count = torch.cuda.device_count()
    if 0 < count < size:
        raise InputError(
            f"training.gpus: {count} GPUs were found; expected {size}; request {size} from the cluster, or lower it"
        )
    device = torch.device("cuda", rank) if count else torch.device("cpu")
    if count:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if count else "gloo", timeout=TIMEOUT)
    yield Team(rank, size), device
    distributed.destroy_process_group()  # not after an error: it must be reported before other processes notice


def launch(module: str, processes: int, task: Mapping[str, Any]) -> None:
    """Run ``python -m module task.json`` in several processes, and raise the error that the first of them reports.

    Their standard output joins this process's standard error. The output of torchrun itself is shown only if no
    process reports. SIGTERM and SIGINT are passed on.

    Parameters
    ----------
    module : str
        It must run its work within :func:`reported`, with the folder of ``task.json``.
    processes : int
    task : mapping
        Passed as JSON.

    Raises
    ------
    InputError, OSError
        The error of the first process that failed.
    Interrupted
        If a signal came before there was anything to save.
    RuntimeError
        If that error was a defect, or the processes were killed.
    """
    with TemporaryDirectory() as name, interruption.interruption() as stopped:
        folder = Path(name)
        save_json(folder / "task.json", task)
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m", module]
        command = [sys.executable, *torchrun, str(folder / "task.json")]
        path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
        with (folder / "torchrun.log").open("w") as log:
            job = subprocess.Popen(command, env=os.environ | ONE_THREAD | {"PYTHONPATH": path}, stdout=2, stderr=log)
            while job.poll() is None and not stopped():
                time.sleep(0.1)
            if job.poll() is None:
                job.terminate()
        ended = job.wait()
        if ended:  # as torchrun does after every signal, even if all work was done
            _raise_report(folder, ended, stopped())


@contextmanager
def reported(folder: Path) -> Iterator[Callable[[], None]]:
    """Write to the job's log, and report the error that ends this process, unless another process reported before.

    Once one process is gone, the others fail too; only the first error matters.

    Yields
    ------
    callable
        To be called when all files are written: the job then succeeds, however the processes end.
    """
    try:
        with logs.same_log():
            yield partial(_report, folder, {"done": True})
    except Exception as error:
        _report(folder, _description(error))
        sys.exit(1)


def _report(folder: Path, report: Mapping[str, Any]) -> None:
    with suppress(FileExistsError), (folder / "report.json").open("x") as file:
        json.dump(report, file)


def _description(error: Exception) -> dict[str, Any]:
    if isinstance(error, InputError):
        return {"input": str(error)}
    if isinstance(error, OSError) and error.errno is not None:
        return {"system": [error.errno, error.strerror, error.filename and str(error.filename)]}
    return {"defect": "".join(traceback.format_exception(error))}


def _raise_report(folder: Path, ended: int, stopped: bool) -> None:
    """Raise the error of the first report, unless it says that all work was done."""
    deadline = time.monotonic() + (PATIENCE if stopped else 0)  # after two signals torchrun ends before the processes
    while (report := _read_report(folder / "report.json")) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    if report is None and stopped:
        raise interruption.Interrupted("training was stopped by a signal before its first step; run again")
    if report is None:
        log = (folder / "torchrun.log").read_text()
        raise RuntimeError(f"the processes of the team ended with status {ended}; the log of torchrun:\n{log}")
    if "done" in report:
        return
    if "input" in report:
        raise InputError(report["input"])
    if "system" in report:
        raise OSError(*report["system"])
    raise RuntimeError(f"in one process of the team: {report['defect']}")


def _read_report(path: Path) -> dict[str, Any] | None:
    try:
        report: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):  # absent, or not completely written
        return None
    return report
