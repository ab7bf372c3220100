"""Which images are mixed with which: neighbours within blocks of four, so that blocks are independent of each other.

If images were paired around the whole batch, each value would depend on the neighbour's. An interval from images
resampled one by one would then be too narrow, by up to sqrt(2) for pairs and sqrt(3) for triples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIZE = 4
AXIS = "alpha"
"""The ``parameter`` of shard rows about mixtures, which are resampled by mixing block."""
Indices = NDArray[np.int64]


def starts(count: int) -> Indices:
    """Return the first image of every mixing block; a remainder of fewer than four images joins the last block.

    Examples
    --------
    >>> starts(10).tolist()
    [0, 4]
    """
    return np.arange(max(count // SIZE, 1), dtype=np.int64) * SIZE


def following(count: int, step: int) -> Indices:
    """Return for each image the one `step` places after it in its mixing block, cyclically: shape (count,).

    Examples
    --------
    >>> following(5, 1).tolist()
    [1, 2, 3, 4, 0]
    """
    first = starts(count)
    size = np.diff(np.append(first, count))
    first, size = np.repeat(first, size), np.repeat(size, size)
    return np.asarray(first + (np.arange(count) - first + step) % size)
