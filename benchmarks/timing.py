"""Fair timing on a shared machine: the compared sides take turns within one run, and only ratios are quoted."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

Side = Callable[[], object]
CALLS = 3  # of each side, at least, by default
REST = 0.05  # seconds between calls, until the threads of the last side stop spinning
BRIEF = 0.1  # seconds; in shorter calls the time to wake threads shows, 6 ms on some machines
SIZE = 1024  # rows and columns of the matrices of a bare product


def interleaved(sides: Mapping[str, Side], budget: float = 4.0, calls: int = CALLS) -> dict[str, float]:
    """Return the median seconds of one call of each side.

    Every side is called once unmeasured; then they take turns, at least `calls` times, until `budget` seconds are used.
    Brief sides are called twice per turn: the first call wakes their threads, as the call before does in a loop.
    """
    return {name: statistics.median(seconds) for name, seconds in _turns(sides, budget, calls).items()}


def rated(sides: Mapping[str, Side], budget: float = 4.0) -> tuple[dict[str, float], float]:
    """Return the median seconds of one call of each side, and the highest GFLOP/s of a bare product between them.

    Torch's product takes turns with the sides, so its peak was reached under the same load. Numpy's comes after them,
    because its threads keep spinning for a tenth of a second.
    """
    one, two = torch.randn(2, SIZE, SIZE)
    first, second = one.numpy(), two.numpy()
    with threadpool_limits(torch.get_num_threads()):  # numpy has its own number of threads
        seconds = _turns({**sides, "product": lambda: one @ two}, budget, CALLS)
        products = [timed(lambda: first @ second) for _ in range(CALLS)]
    best = min(products + seconds.pop("product"))
    return {name: statistics.median(values) for name, values in seconds.items()}, 2 * SIZE**3 / best / 1e9


def _turns(sides: Mapping[str, Side], budget: float, calls: int) -> dict[str, list[float]]:
    brief = {name for name, side in sides.items() if timed(side) < BRIEF}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    end = time.perf_counter() + budget
    while time.perf_counter() < end or min(map(len, seconds.values())) < calls:
        for name, side in sides.items():
            time.sleep(REST)
            if name in brief:
                side()
            seconds[name].append(timed(side))
    return seconds


def timed(side: Side) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    side()
    return time.perf_counter() - start


def peak() -> float:
    """Return the highest GFLOP/s of a large float32 product by torch or numpy, with torch's number of threads."""
    return rated({}, 1.0)[1]


def machine() -> str:
    """Return the processor and the versions of the libraries as text."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = f"{names[0]}, {len(names)} cores" if names else platform.processor()
    return f"{processor}; torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
