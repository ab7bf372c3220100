"""What keeps a long job's files whole: one process at a time, and a way to stop where it can save."""

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

PAUSE = 2.0  # seconds between two looks at a lock that another job holds

logger = logging.getLogger(__name__)


class Interrupted(InputError):
    """A job was told to stop, and its state was saved."""


@contextmanager
def lock(path: Path) -> Iterator[bool]:
    """Let one job at a time work at a file, such as the unfinished state of a cell; the others wait.

    A job that outlives its killed Snakemake meets the job of the next run here.

    Parameters
    ----------
    path : Path
        The lock is a file beside it with the suffix ``.lock``; the system frees it however the process ends.

    Yields
    ------
    bool
        Whether it was held by another, which may have done the work meanwhile.
    """
    place = path.with_name(path.name + ".lock")
    place.parent.mkdir(parents=True, exist_ok=True)
    file, waited = _waited_for(place)
    with file:
        try:
            yield waited
        finally:
            place.unlink(missing_ok=True)


def _waited_for(place: Path) -> tuple[TextIO, bool]:
    """Return the locked file, and whether it was held by another at first."""
    waited = False
    while True:
        file = place.open("w")
        if _acquired(file, place):
            return file, waited
        file.close()
        if not waited:
            logger.warning("%s is held by another job: waiting for its end", place)
        waited = True
        time.sleep(PAUSE)


def _acquired(file: TextIO, place: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # some cluster file systems are mounted without locks
        logger.warning("%s cannot be locked (%s): see to it that no other job trains this cell", place, error.strerror)
        return True
    return place.exists() and os.path.samestat(os.fstat(file.fileno()), place.stat())  # not removed by its last holder


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Turn SIGTERM and SIGINT into a flag, so that a job can come to a place where it can save.

    Yields
    ------
    callable
        True once a signal has come. Outside the main thread, where signals cannot be caught, always False.
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
    """Go on for some seconds after SIGTERM or SIGINT, then end at once.

    For a process whose partner must save. The main thread may be waiting for that partner
    outside of Python, where no handler of Python's runs: so a thread waits for the signal.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    woken = signal.set_wakeup_fd(writer)

    def end() -> None:
        told = os.read(reader, 1)
        os.close(reader)
        if told:
            time.sleep(seconds)
            os._exit(1)

    threading.Thread(target=end, daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        os.close(writer)  # which ends the thread, if no signal came
        for number, handler in before.items():
            signal.signal(number, handler)
