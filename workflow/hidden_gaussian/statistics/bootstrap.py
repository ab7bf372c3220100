"""Resampled images, pooled ratios, trends, and intervals that say what they cover.

A pooled quantity is an array whose last axis, of length POOLED, is (estimate, resamples, leaving out each group of
images): a formula applied to it gives the statistic and all that its interval is made from at once.
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
from hidden_gaussian.statistics import mixing_blocks

Array = NDArray[np.float64]
RESAMPLES = 2000
GROUPS = 64
POOLED = 1 + RESAMPLES + GROUPS
LEAST = 2 / (RESAMPLES + 1)
"""The least p-value."""
LEVEL = 0.95
GIVEN = "given these networks"
GIVEN_FITS = "given these networks and fits"


def stream_of(sampler: str | None) -> str:
    """Return the name of the samples that are resampled together."""
    return "photographs" if sampler == "photographs" else "latents"


@lru_cache(maxsize=16)
def weights(count: int, stream: str) -> Array:
    """Return how much each image counts in the estimate, in each resample, and without each group of images.

    The same for every row and cell that shares the images, so that differences and ratios are paired.

    Parameters
    ----------
    count : int
        Number of images.
    stream : str
        Which images: different kinds of input are resampled independently.

    Returns
    -------
    ndarray of shape (POOLED, count)
        Read-only; every row sums to 1. A resample has one image fewer than there are, which makes the variance of a
        mean unbiased (Hesterberg 2015). The images are dealt out to the groups in turn; an empty group leaves out none.
    """
    uniform = np.full(count, 1 / count)
    drawn = max(count - 1, 1)
    resampled = numpy_stream(0, f"resample/{stream}/{count}").multinomial(drawn, uniform, size=RESAMPLES) / drawn
    kept = (np.arange(count) % GROUPS != np.arange(GROUPS)[:, None]).astype(np.float64)
    kept[kept.sum(1) == 0] = 1
    result: Array = np.concatenate([uniform[None], resampled, kept / kept.sum(1, keepdims=True)])
    result.setflags(write=False)
    return result


def pool(per_image: Array, stream: str, *, mixed: bool = False) -> Array:
    """Return the mean over images, its resamples, and without each group: (..., images) -> (..., POOLED).

    Parameters
    ----------
    per_image : ndarray of shape (..., images)
    stream : str
        See :func:`weights`.
    mixed : bool
        Each value is of an image and its neighbours on a ring: whole rings are resampled, not images.
    """
    count = per_image.shape[-1]
    if not mixed:
        pooled: Array = per_image @ weights(count, stream).T
        return pooled
    starts = mixing_blocks.starts(count)
    drawn = weights(len(starts), f"{stream}/rings").T
    sums, sizes = np.add.reduceat(per_image, starts, axis=-1), np.diff(np.append(starts, count))
    return np.asarray(sums @ drawn / (sizes @ drawn))


def intervals(pooled: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Return the bootstrap interval, bias-corrected and accelerated (Efron 1987), of pooled quantities.

    Its normal deviate is replaced by Student's, with as many degrees of freedom as groups of images less one: by itself
    the interval covers too little where there are few images. With four units (images, rings, states) or fewer it is
    their range all the same, whatever is asked for: for means of normal numbers it covers 88 % with four, 75 % with
    three, 50 % with two, and with one it is the estimate itself. With eight it covers 94 %.

    Parameters
    ----------
    pooled : ndarray of shape (..., POOLED)
    level : float
        Nominal coverage.

    Returns
    -------
    two ndarrays of shape (...)
        Lower and upper ends, with the estimate between them; NaN where a resample is not defined.
    """
    estimate, resamples, without = pooled[..., :1], pooled[..., 1 : 1 + RESAMPLES], pooled[..., 1 + RESAMPLES :]
    below = (resamples < estimate).mean(-1) + (resamples == estimate).mean(-1) / 2
    bias = special.ndtri(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    influence = estimate - without
    spread = np.square(influence).sum(-1) ** 1.5
    cubes = (influence**3).sum(-1)
    acceleration = np.divide(cubes, 6 * spread, out=np.zeros_like(spread), where=spread > 0)
    ordered = np.sort(resamples, axis=-1)
    # Leaving out an empty group changes nothing but the last bits, by an amount that depends on the processor.
    influential = np.abs(influence) > 1e-12 * np.abs(pooled).max(-1, keepdims=True)
    degrees = np.maximum(np.count_nonzero(influential, axis=-1) - 1, 1)
    reach = special.stdtrit(degrees, (1 + level) / 2)
    low, high = (_corrected(ordered, bias, acceleration, sign * reach) for sign in (-1, 1))
    return np.minimum(low, pooled[..., 0]), np.maximum(high, pooled[..., 0])


def _corrected(ordered: Array, bias: Array, acceleration: Array, reach: Array) -> Array:
    """Return the quantile of sorted resamples at a normal deviate, corrected for bias and acceleration."""
    moved = bias + reach
    deviate = bias + moved / np.maximum(1 - acceleration * moved, 0.1)
    place = special.ndtr(deviate) * (RESAMPLES + 1) - 1
    below = np.clip(np.floor(place).astype(int), 0, RESAMPLES - 2)
    share = np.clip(place - below, 0, 1)
    first, second = (np.take_along_axis(ordered, (below + step)[..., None], -1)[..., 0] for step in (0, 1))
    quantile: Array = np.where(np.isnan(ordered[..., -1]), np.nan, (1 - share) * first + share * second)
    return quantile


def bands(pooled: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Return a simultaneous band over all places: in one of `level` samples of images the whole curve lies within.

    The intervals of the places are widened to a common level by the largest studentised deviation of the shared
    resamples (sup-t; Montiel Olea and Plagborg-Moller 2019).

    Parameters
    ----------
    pooled : ndarray of shape (places, POOLED)
    level : float
        Probability that the whole curve lies within.

    Returns
    -------
    two ndarrays of shape (places,)
        Lower and upper ends; of one place, those of :func:`intervals`, as is what holds for few units.
    """
    if len(pooled) < 2:
        return intervals(pooled, level)
    resamples = pooled[:, 1 : 1 + RESAMPLES]
    error = resamples.std(axis=1, keepdims=True)
    rounding = 1e-12 * np.abs(pooled).max(axis=1)  # deviations in units of rounding errors would be as large as any
    used = (error[:, 0] > rounding) & np.isfinite(error[:, 0])
    if not used.any():
        return intervals(pooled, level)
    largest = (np.abs(resamples - pooled[:, :1])[used] / error[used]).max(axis=0)
    return intervals(pooled, float(2 * special.ndtr(np.quantile(largest, level)) - 1))


def clopper_pearson(hits: float, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the exact interval of a proportion; never empty, not even without a hit.

    Hits may be a fraction: of several sample sets of the same latents the mean, of which latents are the trials.
    """
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

        Never below LEAST, which is as far as the resamples reach.
        """
        inside, outside = 1.0, LEAST
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
    """Return the estimate of one pooled quantity, of shape (POOLED,), with its interval over images."""

    def bounds(level: float) -> tuple[float, float]:
        low, high = intervals(pooled, level)
        return float(low), float(high)

    return Estimate(float(pooled[0]), bounds, covers)


def proportion(hits: float, trials: int, covers: str = GIVEN) -> Estimate:
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
