"""What keeps a long job's files whole: one process at a time, and a way to stop between two steps."""

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

logger = logging.getLogger(__name__)


class Interrupted(InputError):
    """A job was told to stop, and its state was saved."""


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Keep a second trainer away from the same cell.

    Parameters
    ----------
    path : Path
        The lock is a file beside it with the suffix ``.lock``; the system frees it however the process ends.

    Raises
    ------
    InputError
        If another process holds it.
    """
    place = path.with_name(path.name + ".lock")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("w") as file:
        if not _acquired(file, place):
            raise InputError(f"{place} is held by another job that trains the same cell: wait for it, or stop it")
        try:
            yield
        finally:
            place.unlink(missing_ok=True)


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
    """Turn SIGTERM and SIGINT into a flag, so that a job can finish its step and save.

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

    For a process whose partner must finish a common step and save. The main thread may be waiting for that partner
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
