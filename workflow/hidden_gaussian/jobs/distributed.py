"""Several processes of one machine that train one network: each takes a share of the same batch."""

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
LONGEST = timedelta(days=7)  # one may wait for another that waits for a job before; of one that fails torchrun tells
PATIENCE = 10.0  # seconds in which the processes that were told to stop report

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Team:
    """The processes that train one network, as one of them sees it; by default it is alone.

    Attributes
    ----------
    rank : int
        Which process this is. The first, 0, is the one that reads and writes files.
    size : int
        How many there are.
    """

    rank: int = 0
    size: int = 1

    def share(self, batch: int) -> slice:
        """Return the part of a batch, a multiple of the team's size, that this process takes."""
        part = batch // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def add(self, totals: Tensor) -> None:
        """Replace a tensor by its sum over the team."""
        if self.size > 1:
            distributed.all_reduce(totals)

    def follow(self, *tensors: Tensor) -> None:
        """Replace tensors by those of the first process."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)


ALONE = Team()


@contextmanager
def joined() -> Iterator[tuple[Team, torch.device]]:
    """Join the team that torchrun started this process for, and find its device.

    Raises
    ------
    InputError
        If there are fewer GPUs than processes; without any, the processes share the cores.
    """
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    found = torch.cuda.device_count()
    if 0 < found < size:
        raise InputError(
            f"training.gpus is {size}, but this job sees {found}: ask the cluster for as many, or lower training.gpus"
        )
    device = torch.device("cuda", rank) if found else torch.device("cpu")
    if found:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if found else "gloo", timeout=LONGEST)
    yield Team(rank, size), device
    distributed.destroy_process_group()  # not after an error: the others must not notice before it is reported


def launch(module: str, processes: int, task: Mapping[str, Any]) -> None:
    """Run ``python -m module task.json`` in several processes at once, and end as they report.

    Their standard output joins this process's standard error. What torchrun itself has to say is shown only where a
    process ended without an error of its own. SIGTERM and SIGINT are passed on.

    Parameters
    ----------
    module : str
        It must run its work in :func:`reported`, with the folder of the file as its place.
    processes : int
    task : mapping
        Handed over as JSON.

    Raises
    ------
    InputError, OSError
        What ended the first process that failed.
    Interrupted
        If they were told to stop before they had anything to save.
    RuntimeError
        Where that was a defect, or the processes were killed; with what is known of it.
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
        if ended:  # as torchrun always does when it was told to stop, even where all was done
            _raise_report(folder, ended, stopped())


@contextmanager
def reported(folder: Path) -> Iterator[Callable[[], None]]:
    """Log where the job does, and write down the error that ends this process, unless another had one before.

    Others fail too once one is gone; what ended the first is what matters.

    Yields
    ------
    callable
        For the process that writes the files, to say that all are written: however processes end after that, the job
        has ended well.
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
    """Raise the error that a process reported, unless the first report is that all was done."""
    deadline = time.monotonic() + (PATIENCE if stopped else 0)  # told to stop twice, torchrun ends before the processes
    while (report := _read_report(folder / "report.json")) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    if report is None and stopped:
        raise interruption.Interrupted("training was told to stop before its first step was done: run again")
    if report is None:
        said = (folder / "torchrun.log").read_text()
        raise RuntimeError(f"the processes that train together ended with status {ended}; torchrun said:\n{said}")
    if "done" in report:
        return
    if "input" in report:
        raise InputError(report["input"])
    if "system" in report:
        raise OSError(*report["system"])
    raise RuntimeError(f"in one of the processes that train together: {report['defect']}")


def _read_report(path: Path) -> dict[str, Any] | None:
    try:
        report: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):  # not there, or being written
        return None
    return report
