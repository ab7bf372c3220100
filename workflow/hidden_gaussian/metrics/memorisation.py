"""The training images nearest to each sample, and their distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.pixels import to_unit

Array = NDArray[np.float64]
COPY_NOISE = (0.01, 0.05, 0.1, 0.2, 0.3)
"""Noise of the copies that are the positive control, in units of the spread of the images around their mean."""
CANDIDATES = 8
UNIT = 2.0**-24  # relative error of one float32 rounding


@dataclass(frozen=True)
class Neighbours:
    """Squared distances of samples to their nearest and second nearest training image, and the index of the nearest.

    Attributes
    ----------
    nearest, second : ndarray of shape (n,)
    index : ndarray of shape (n,)

    Examples
    --------
    >>> found = nearest_neighbours(np.zeros((1, 2), np.float32), np.array([[3, 4], [0, 1]], np.float32))
    >>> bool(found.nearest[0] < found.second[0] / 9)  # memorised, by the ratio of distances 1 / 3
    True
    """

    nearest: Array
    second: Array
    index: NDArray[np.int64]


def nearest_neighbours(
    samples: NDArray[np.float32],
    training: NDArray[np.float32] | NDArray[np.uint8],
    tile: int = 1024,
    candidates: int = CANDIDATES,
) -> Neighbours:
    """Return the two nearest training images of each sample, exactly.

    Float32 products screen the training images tile by tile. The distances of the best candidates are computed again in
    float64 by direct difference, since a product loses the distance of a copy to cancellation. Where rounding could
    hide a nearer image behind the candidates, the sample is screened again with eight times as many.

    Parameters
    ----------
    samples : ndarray of shape (n, d)
        In [-1, 1].
    training : ndarray of shape (N, d)
        In [-1, 1], or uint8 pixels, which are converted tile by tile.
    tile : int
        Training images at a time, which bounds the memory; the result does not depend on it.
    candidates : int
        Candidates of each sample at first; the result does not depend on it.

    Examples
    --------
    >>> training = np.array([[0, 0], [255, 255]], np.uint8)
    >>> found = nearest_neighbours(np.array([[1, 0.5]], np.float32), training)
    >>> found.index.tolist(), found.nearest.tolist(), found.second.tolist()
    ([1], [0.25], [6.25])
    """
    index, beyond = _screened(samples, training, min(candidates, len(training)), tile)
    exact = np.stack([_squares(samples, training, column, tile) for column in index.T], axis=1)
    order = np.lexsort((index, exact), axis=1)
    exact, index = np.take_along_axis(exact, order, 1), np.take_along_axis(index, order, 1)
    second = exact[:, 1].copy() if exact.shape[1] > 1 else np.full(len(samples), np.inf)
    found = Neighbours(exact[:, 0].copy(), second, index[:, 0].copy())
    unsure = np.flatnonzero(second >= beyond)
    if len(unsure) and candidates < len(training):
        more = nearest_neighbours(samples[unsure], training, tile, 8 * candidates)
        found.nearest[unsure], found.second[unsure], found.index[unsure] = more.nearest, more.second, more.index
    return found


def _screened(
    samples: NDArray[np.float32], training: NDArray[np.float32] | NDArray[np.uint8], count: int, tile: int
) -> tuple[NDArray[np.int64], Array]:
    """Return the `count` candidates of each sample, and a lower bound of the squared distance of all other images."""
    best = np.full((len(samples), count), np.inf, np.float32)
    index = np.zeros((len(samples), count), np.int64)
    longest = 0.0
    for start in range(0, len(training), tile):
        part = _unit(training[start : start + tile])
        squares = np.square(part).sum(1, dtype=np.float64)
        longest = max(longest, float(squares.max()) ** 0.5)
        rough = samples @ part.T
        rough *= -2
        rough += squares.astype(np.float32)
        few = min(count, len(part))
        chosen = np.argpartition(rough, few - 1, axis=1)[:, :few]
        best = np.concatenate([best, np.take_along_axis(rough, chosen, 1)], 1)
        index = np.concatenate([index, chosen + start], 1)
        order = np.argpartition(best, count - 1, axis=1)[:, :count]
        best, index = np.take_along_axis(best, order, 1), np.take_along_axis(index, order, 1)
    own = np.square(samples).sum(1, dtype=np.float64)
    # a product errs by at most sqrt(d) 2^-24 |x| |y| with every BLAS tried; squares, sums and results are rounded once
    root = samples.shape[1] ** 0.5
    slack = UNIT * (2 * (root + 1) * np.sqrt(own) * longest + 3 * longest**2 + own)
    return index, own + best.max(1) - slack


def _unit(pixels: NDArray[np.float32] | NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pixels in [-1, 1] with the rounding of samples: a copy must be equal in every bit."""
    if pixels.dtype == np.uint8:
        return to_unit(pixels.astype(np.float32))
    return pixels.astype(np.float32, copy=False)


def _squares(
    samples: NDArray[np.float32], training: NDArray[np.float32] | NDArray[np.uint8], index: NDArray[np.int64], tile: int
) -> Array:
    """Return the squared distance of each sample to one training image, by difference in float64."""
    parts = [slice(start, start + tile) for start in range(0, len(samples), tile)]
    return np.concatenate(
        [np.square(samples[part].astype(np.float64) - _unit(training[index[part]])).sum(1) for part in parts]
    )
