"""Progress of a long job: a bar on a terminal, one line a minute elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

_LINE = "{desc}: {percentage:.0f} %, {n_fmt} of {total_fmt}{unit}, {rate_fmt}, {remaining} left"


@contextmanager
def progress_bar(
    label: str, total: int, *, done: int = 0, stream: TextIO | None = None, every: float = 60.0, unit: str = "images"
) -> Iterator[Callable[[int], None]]:
    """Show how many images (or other units) are done, the speed and the time left.

    Parameters
    ----------
    total, done : int
        Images at the end, and images done before, which do not count for the speed.
    stream : text file, optional
        Default: standard error.
    every : float
        Seconds between two lines if the stream is not a terminal.

    Yields
    ------
    callable
        To be called with the number of images done so far.
    """
    stream = stream or sys.stderr
    terminal = stream.isatty()
    bar = tqdm(
        desc=label,
        total=total,
        initial=done,
        unit=f" {unit}",
        unit_scale=True,
        miniters=1,
        file=stream if terminal else _Lines(stream),
        mininterval=0.2 if terminal else every,
        dynamic_ncols=terminal,
        bar_format=None if terminal else _LINE,
    )

    def show(now: int) -> None:
        bar.update(now - bar.n)

    with bar:
        yield show


class _Lines:
    """A stream that shows every state of a bar on a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        if line := text.strip():
            self.stream.write(line + "\n")

    def flush(self) -> None:
        self.stream.flush()
