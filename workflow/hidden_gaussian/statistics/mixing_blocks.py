"""Which images are mixed with which: neighbours on rings of four, so that rings are independent of each other.

Paired around the whole batch, the value of every image would depend on that of its neighbour, and an interval from
images resampled one by one would be too narrow, by up to sqrt(2) for pairs and sqrt(3) for triples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIZE = 4
AXIS = "alpha"
"""The ``parameter`` of shard rows that are of mixtures, and so resampled by rings."""
Indices = NDArray[np.int64]


def starts(count: int) -> Indices:
    """Return the first image of every ring: four follow each other, and what is left over joins the last ring."""
    return np.arange(max(count // SIZE, 1), dtype=np.int64) * SIZE


def following(count: int, step: int) -> Indices:
    """Return, for each image, the one that comes `step` places after it on its ring: shape (count,)."""
    first = starts(count)
    size = np.diff(np.append(first, count))
    first, size = np.repeat(first, size), np.repeat(size, size)
    return np.asarray(first + (np.arange(count) - first + step) % size)
