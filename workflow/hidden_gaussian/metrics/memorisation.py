"""Which training images are nearest to a sample, and how near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CANDIDATES = 8


@dataclass(frozen=True)
class Neighbours:
    """Squared distances to the nearest and second nearest training image, and the index of the nearest."""

    nearest: Array
    second: Array
    index: NDArray[np.int64]


def neighbours(samples: NDArray[np.float32], training: NDArray[np.float32], tile: int = 4096) -> Neighbours:
    """Return the two nearest training images of each sample, exactly.

    Products screen tiles of training images; the best few are measured again in float64 by direct difference, since a
    product loses the distance of a copy to cancellation.

    Parameters
    ----------
    samples : ndarray of shape (n, d)
    training : ndarray of shape (N, d)
    tile : int
        Training images at a time; the result does not depend on it.
    """
    count = min(CANDIDATES, len(training))
    best = np.full((len(samples), count), np.inf, np.float64)
    index = np.zeros((len(samples), count), np.int64)
    for start in range(0, len(training), tile):
        part = training[start : start + tile]
        rough = np.square(part, dtype=np.float64).sum(1) - 2 * (samples @ part.T).astype(np.float64)
        rough = np.concatenate([best, rough], axis=1)
        where = np.concatenate(
            [index, np.broadcast_to(np.arange(start, start + len(part)), (len(samples), len(part)))], 1
        )
        order = np.argpartition(rough, count - 1, axis=1)[:, :count]
        best, index = np.take_along_axis(rough, order, 1), np.take_along_axis(where, order, 1)
    exact = np.stack(
        [np.square(samples.astype(np.float64) - training[index[:, k]]).sum(1) for k in range(count)], axis=1
    )
    order = np.argsort(exact, axis=1, kind="stable")
    exact, index = np.take_along_axis(exact, order, 1), np.take_along_axis(index, order, 1)
    second = exact[:, 1] if count > 1 else np.full(len(samples), np.inf)
    return Neighbours(exact[:, 0], second, index[:, 0])
