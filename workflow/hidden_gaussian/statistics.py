"""Resampled images, pooled ratios, trends, and intervals that say what they cover.

A pooled quantity is an array whose last axis is (estimate, resample 1, resample 2, ...): a formula applied to it gives
the statistic and its resamples at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hidden_gaussian.seeding import numpy_stream

Array = NDArray[np.float64]
RESAMPLES = 1000
LEVEL = 0.95
GIVEN = "given these networks"
ALL = "images and trainings"


@lru_cache(maxsize=16)
def weights(count: int, stream: str) -> Array:
    """Return how often each image counts: once each in row 0, as resampled with replacement in the others.

    The same for every row and cell that shares the images, so that differences and ratios are paired.

    Parameters
    ----------
    count : int
        Number of images.
    stream : str
        Which images: different kinds of input are resampled independently.

    Returns
    -------
    ndarray of shape (1 + RESAMPLES, count)
        Read-only; every row sums to 1.
    """
    uniform = np.full(count, 1 / count)
    drawn = numpy_stream(0, f"resample/{stream}/{count}").multinomial(count, uniform, size=RESAMPLES) / count
    result: Array = np.concatenate([uniform[None], drawn])
    result.setflags(write=False)
    return result


def pool(per_image: Array, stream: str) -> Array:
    """Return the mean over images and its resamples: (..., images) -> (..., 1 + RESAMPLES)."""
    pooled: Array = per_image @ weights(per_image.shape[-1], stream).T
    return pooled


def percentiles(pooled: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Return the percentile interval of pooled quantities: (..., 1 + RESAMPLES) -> two of shape (...)."""
    tail = (1 - level) / 2
    low, high = np.quantile(pooled[..., 1:], [tail, 1 - tail], axis=-1)
    return low, high


def clopper_pearson(hits: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the exact interval of a proportion; never empty, not even without a hit."""
    tail = (1 - level) / 2
    low = float(special.betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return low, high


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval at any level.

    Attributes
    ----------
    value : float
    bounds : callable of a level to (low, high)
    covers : str
        What the interval covers.
    """

    value: float
    bounds: Callable[[float], tuple[float, float]]
    covers: str = GIVEN

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the lower and the upper end."""
        return self.bounds(level)

    def p_value(self, bound: float) -> float:
        """Return the two-sided p-value of a bound: 1 less the level of the widest interval that leaves it out.

        Never below 2/(RESAMPLES + 1), which is as far as the resamples reach.
        """
        inside, outside = 1.0, 2 / (RESAMPLES + 1)
        if self._holds(bound, inside):
            return 1.0
        if not self._holds(bound, outside):
            return outside
        for _ in range(40):
            middle = math.sqrt(inside * outside)
            inside, outside = (inside, middle) if self._holds(bound, middle) else (middle, outside)
        return inside

    def _holds(self, bound: float, error: float) -> bool:
        low, high = self.bounds(1 - error)
        return low <= bound <= high


def resampled(pooled: Array, covers: str = GIVEN) -> Estimate:
    """Return the estimate of one pooled quantity, of shape (1 + RESAMPLES,), with its percentile interval."""

    def bounds(level: float) -> tuple[float, float]:
        low, high = percentiles(pooled, level)
        return float(low), float(high)

    return Estimate(float(pooled[0]), bounds, covers)


def proportion(hits: int, trials: int, covers: str = GIVEN) -> Estimate:
    """Return a proportion with its Clopper-Pearson interval."""
    return Estimate(hits / trials, lambda level: clopper_pearson(hits, trials, level), covers)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return first less second, independent of each other, from their intervals (Zou and Donner 2008)."""
    value = first.value - second.value

    def bounds(level: float) -> tuple[float, float]:
        low, high = first.bounds(level)
        other_low, other_high = second.bounds(level)
        below = math.hypot(first.value - low, other_high - second.value)
        above = math.hypot(high - first.value, second.value - other_low)
        return value - below, value + above

    return Estimate(value, bounds, first.covers)


def training_spread(groups: Sequence[tuple[float, Sequence[float]]]) -> tuple[float, int]:
    """Return the standard error that independent trainings give to a weighted sum of group means.

    The variance of a training is pooled within the groups.

    Parameters
    ----------
    groups : sequence of (coefficient, values)
        Values of the replicates of one cell, and the coefficient of their mean in the sum.

    Returns
    -------
    float, int
        Standard error, and degrees of freedom; (0, 0) if no cell has two replicates.
    """
    degrees = sum(len(values) - 1 for _, values in groups)
    if degrees == 0:
        return 0.0, 0
    squares = sum(float(np.square(np.asarray(values) - np.mean(values)).sum()) for _, values in groups)
    share = sum(coefficient**2 / len(values) for coefficient, values in groups)
    return math.sqrt(squares / degrees * share), degrees


def with_trainings(estimate: Estimate, error: float, degrees: int, covers: str = ALL) -> Estimate:
    """Widen an interval by the spread of trainings, by t on its degrees of freedom; unchanged when there are none."""
    if degrees == 0:
        return estimate

    def bounds(level: float) -> tuple[float, float]:
        low, high = estimate.bounds(level)
        reach = error * float(special.stdtrit(degrees, (1 + level) / 2))
        return (
            estimate.value - math.hypot(estimate.value - low, reach),
            estimate.value + math.hypot(high - estimate.value, reach),
        )

    return Estimate(estimate.value, bounds, covers)


def combine(groups: Sequence[tuple[float, Sequence[Array]]]) -> Estimate:
    """Return a weighted sum of cells, each the mean of its replicates, with images and trainings in the interval.

    Parameters
    ----------
    groups : sequence of (coefficient, replicates)
        Each replicate a pooled statistic of shape (1 + RESAMPLES,).
    """
    total = sum(coefficient * np.mean(np.stack(replicates), axis=0) for coefficient, replicates in groups)
    values = [(coefficient, [float(one[0]) for one in replicates]) for coefficient, replicates in groups]
    return with_trainings(resampled(np.asarray(total)), *training_spread(values))


def slope_coefficients(sizes: Sequence[float]) -> Array:
    """Return the coefficients that give the least-squares slope per doubling of the sizes.

    Raises
    ------
    ValueError
        If the sizes do not differ.
    """
    doublings = np.log2(np.asarray(sizes, dtype=np.float64))
    centred: Array = doublings - doublings.mean()
    spread = float(np.square(centred).sum())
    if spread == 0:
        raise ValueError("a slope needs sizes that differ")
    return centred / spread


def holm(p_values: Sequence[float]) -> Array:
    """Return p-values adjusted by Holm's step-down procedure; NaN (not tested) stays NaN and does not count."""
    given = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full_like(given, np.nan)
    order = [index for index in np.argsort(given) if not np.isnan(given[index])]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * given[order]))
    return adjusted
