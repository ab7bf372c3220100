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


def interleaved(sides: Mapping[str, Side], budget: float = 4.0) -> dict[str, float]:
    """Return the median seconds of one call of each side.

    Every side is called once unmeasured; then they take turns until the budget of seconds is used, at least twice.
    """
    for side in sides.values():
        side()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    end = time.perf_counter() + budget
    while time.perf_counter() < end or min(map(len, seconds.values())) < 2:
        for name, side in sides.items():
            seconds[name].append(timed(side))
    return {name: statistics.median(values) for name, values in seconds.items()}


def timed(side: Side) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    side()
    return time.perf_counter() - start


def peak() -> float:
    """Return the most GFLOP/s of a large float32 product with torch's number of threads, torch's or numpy's."""
    size = 1536
    one, two = torch.randn(size, size), torch.randn(size, size)
    first, second = one.numpy(), two.numpy()
    with threadpool_limits(torch.get_num_threads()):  # numpy has a number of its own
        seconds = [timed(side) for _ in range(20) for side in (lambda: one @ two, lambda: first @ second)]
    return float(2 * size**3 / min(seconds) / 1e9)


def machine() -> str:
    """Return a sentence on the processor and the libraries."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = f"{names[0]}, {len(names)} cores" if names else platform.processor()
    return f"{processor}; torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
