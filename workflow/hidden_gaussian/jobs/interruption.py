"""Interruption handling: signals that let a job save first, and a lock that keeps other jobs from its files."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from hidden_gaussian.errors import InputError

PAUSE = 2.0  # seconds between two attempts to get a lock

logger = logging.getLogger(__name__)


class Interrupted(InputError):
    """A signal stopped the job; its state, if it had one, is saved."""


@contextmanager
def lock(path: Path) -> Iterator[bool]:
    """Let one job at a time use a file, such as the unfinished state of a cell; other jobs wait.

    A job can outlive its killed Snakemake; the same job of the next run then waits here.

    Parameters
    ----------
    path : Path
        The lock is a file beside it with the suffix ``.lock``; the system frees it however the process ends.

    Yields
    ------
    bool
        Whether this job had to wait; the other one may have done the work meanwhile.
    """
    path = path.with_name(path.name + ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    file, waited = _locked(path)
    with file:
        try:
            yield waited
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path) -> tuple[TextIO, bool]:
    """Return the locked file, and whether this job had to wait for it."""
    waited = False
    while True:
        file = path.open("w")
        if _acquired(file, path):
            return file, waited
        file.close()
        if not waited:
            logger.warning("%s is held by another job; waiting until it ends", path)
        waited = True
        time.sleep(PAUSE)


def _acquired(file: TextIO, path: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # some cluster file systems are mounted without locks
        logger.warning("%s cannot be locked (%s); make sure that no other job trains this cell", path, error.strerror)
        return True
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())  # its last holder removes the file


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Turn SIGTERM and SIGINT into a flag, so that a job can finish its step and save.

    Yields
    ------
    callable
        Returns True once a signal has come; always False outside the main thread, where signals cannot be caught.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    caught: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: caught.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def delayed_end(seconds: float) -> Iterator[None]:
    """Continue for some seconds after SIGTERM or SIGINT, then end at once.

    For a process whose partner must save. The main thread may wait for that partner outside Python, where no Python
    handler runs; therefore another thread waits for the signal.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    woken = signal.set_wakeup_fd(writer)

    def end() -> None:
        signalled = os.read(reader, 1)
        os.close(reader)
        if signalled:
            time.sleep(seconds)
            os._exit(1)

    threading.Thread(target=end, daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        os.close(writer)  # ends the thread if no signal came
        for number, handler in before.items():
            signal.signal(number, handler)
