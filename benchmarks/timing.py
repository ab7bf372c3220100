"""Fair timing on a machine that others use too: sides take turns within one run, and only ratios are quoted."""

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
CALLS = 3  # of a side, at least, unless said
REST = 0.05  # seconds between calls, in which the threads of the side before cease to spin
BRIEF = 0.1  # seconds of a call beside which it shows that threads wake up: 6 ms on some machines
SIZE = 1024  # of the matrices of a bare product


def interleaved(sides: Mapping[str, Side], budget: float = 4.0, calls: int = CALLS) -> dict[str, float]:
    """Return the median seconds of one call of each side.

    Every side is called once unmeasured; then they take turns, so many at least, until the budget of seconds is used.
    Brief ones are called twice a turn, of which the first wakes their threads, as the call before does in a loop.
    """
    return {name: statistics.median(seconds) for name, seconds in _turns(sides, budget, calls).items()}


def rated(sides: Mapping[str, Side], budget: float = 4.0) -> tuple[dict[str, float], float]:
    """Return the median seconds of one call of each side, and the most GFLOP/s of a bare product between them.

    Torch's product takes its turn as the sides do, so a share of that peak compares what the machine gave at the time;
    numpy's comes after them, since its threads go on spinning for a tenth of a second.
    """
    one, two = torch.randn(2, SIZE, SIZE)
    first, second = one.numpy(), two.numpy()
    with threadpool_limits(torch.get_num_threads()):  # numpy has a number of its own
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
    """Return the most GFLOP/s of a large float32 product with torch's number of threads, torch's or numpy's."""
    return rated({}, 1.0)[1]


def machine() -> str:
    """Return a sentence on the processor and the libraries."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = f"{names[0]}, {len(names)} cores" if names else platform.processor()
    return f"{processor}; torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
