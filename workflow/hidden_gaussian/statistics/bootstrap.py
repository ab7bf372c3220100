"""Bootstrap over images: pooled quantities, intervals, proportions, slopes and multiple testing.

A pooled quantity is an array whose last axis has length POOLED: the estimate, its bootstrap resamples, and its
jackknife values (each leaves out one group of images). A formula applied to pooled quantities gives a statistic
together with everything its interval needs.
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
"""The smallest p-value that the resamples can give."""
LEVEL = 0.95
GIVEN = "given these networks"
GIVEN_FITS = "given these networks and fits"


def stream_of(sampler: str | None) -> str:
    """Return the name under which a sample set is resampled; sets with the same name are resampled alike."""
    return "photographs" if sampler == "photographs" else "latents"


@lru_cache(maxsize=16)
def weights(count: int, stream: str) -> Array:
    """Return the weight of each image in the estimate, in each resample, and without each group of images.

    The weights are the same for all rows and cells that share the images, so differences and ratios are paired.

    Parameters
    ----------
    count : int
        Number of images.
    stream : str
        Name of the images; different kinds of input are resampled independently.

    Returns
    -------
    ndarray of shape (POOLED, count)
        Read-only; every row sums to 1. A resample draws count - 1 images, which makes the variance of a mean unbiased
        (Hesterberg 2015). Image i belongs to group i mod GROUPS; an empty group leaves out no image.
    """
    uniform = np.full(count, 1 / count)
    drawn = max(count - 1, 1)
    resampled = numpy_stream(0, f"resample/{stream}/{count}").multinomial(drawn, uniform, size=RESAMPLES) / drawn
    remaining = (np.arange(count) % GROUPS != np.arange(GROUPS)[:, None]).astype(np.float64)
    remaining[remaining.sum(1) == 0] = 1
    result: Array = np.concatenate([uniform[None], resampled, remaining / remaining.sum(1, keepdims=True)])
    result.setflags(write=False)
    return result


def pool(per_image: Array, stream: str, *, mixed: bool = False) -> Array:
    """Return the mean over images with its resamples and jackknife values: (..., images) -> (..., POOLED).

    Parameters
    ----------
    per_image : ndarray of shape (..., images)
    stream : str
        See :func:`weights`.
    mixed : bool
        Whether values depend on an image and its neighbours; then whole mixing blocks are resampled, not images.
    """
    count = per_image.shape[-1]
    if not mixed:
        pooled: Array = per_image @ weights(count, stream).T
        return pooled
    starts = mixing_blocks.starts(count)
    drawn = weights(len(starts), f"{stream}/rings").T  # the name seeds the resamples: another one changes all numbers
    sums, sizes = np.add.reduceat(per_image, starts, axis=-1), np.diff(np.append(starts, count))
    return np.asarray(sums @ drawn / (sizes @ drawn))


def intervals(pooled: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Return the bootstrap interval, bias-corrected and accelerated (Efron 1987), of pooled quantities.

    The normal deviate is replaced by Student's, with one degree of freedom fewer than groups of images, because the
    plain interval covers too little for few images. With four units (images, blocks, states) or fewer the interval is
    still their range at any nominal level. For means of normal numbers it covers 88 % with four units, 75 % with three
    and 50 % with two; with one it is the estimate itself. With eight it covers 94 %.

    Parameters
    ----------
    pooled : ndarray of shape (..., POOLED)
    level : float
        Nominal coverage.

    Returns
    -------
    two ndarrays of shape (...)
        Lower and upper ends, with the estimate between them; NaN if a resample is undefined.

    Examples
    --------
    >>> low, high = intervals(pool(np.arange(64.0), "images"))
    >>> bool(low < 31.5 < high)
    True
    """
    estimate, resamples, without = pooled[..., :1], pooled[..., 1 : 1 + RESAMPLES], pooled[..., 1 + RESAMPLES :]
    below = (resamples < estimate).mean(-1) + (resamples == estimate).mean(-1) / 2
    bias = special.ndtri(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    influence = estimate - without
    spread = np.square(influence).sum(-1) ** 1.5
    cubes = (influence**3).sum(-1)
    acceleration = np.divide(cubes, 6 * spread, out=np.zeros_like(spread), where=spread > 0)
    ordered = np.sort(resamples, axis=-1)
    # an empty group changes the mean only in its last bits, which depend on the processor: it must not count
    influential = np.abs(influence) > 1e-12 * np.abs(pooled).max(-1, keepdims=True)
    degrees = np.maximum(np.count_nonzero(influential, axis=-1) - 1, 1)
    reach = special.stdtrit(degrees, (1 + level) / 2)
    low, high = (_corrected(ordered, bias, acceleration, sign * reach) for sign in (-1, 1))
    return np.minimum(low, pooled[..., 0]), np.maximum(high, pooled[..., 0])


def _corrected(ordered: Array, bias: Array, acceleration: Array, reach: Array) -> Array:
    """Return the quantile of sorted resamples at a normal deviate, after correction for bias and acceleration."""
    moved = bias + reach
    deviate = bias + moved / np.maximum(1 - acceleration * moved, 0.1)
    rank = special.ndtr(deviate) * (RESAMPLES + 1) - 1
    below = np.clip(np.floor(rank).astype(int), 0, RESAMPLES - 2)
    share = np.clip(rank - below, 0, 1)
    first, second = (np.take_along_axis(ordered, (below + step)[..., None], -1)[..., 0] for step in (0, 1))
    quantile: Array = np.where(np.isnan(ordered[..., -1]), np.nan, (1 - share) * first + share * second)
    return quantile


def bands(pooled: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Return a simultaneous band for a curve: with probability `level` it contains the whole curve.

    The intervals at the points are widened to a common level by the largest studentised deviation of the shared
    resamples (sup-t; Montiel Olea and Plagborg-Moller 2019).

    Parameters
    ----------
    pooled : ndarray of shape (points, POOLED)
    level : float
        Probability that the band contains the whole curve.

    Returns
    -------
    two ndarrays of shape (points,)
        Lower and upper ends; for one point, and with few units, see :func:`intervals`.
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
    """Return the exact interval of a proportion, which has positive length even with 0 hits.

    `hits` may be a fraction: the mean over several sample sets of the same latents, where the latents are the trials.

    Examples
    --------
    >>> low, high = clopper_pearson(0, 64)
    >>> low, round(high, 3)
    (0.0, 0.056)
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
        The sources of variation that the interval covers, in words.
    """

    value: float
    bounds: Callable[[float], tuple[float, float]]
    covers: str = GIVEN

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the lower and the upper end."""
        return self.bounds(level)

    def p_value(self, bound: float) -> float:
        """Return the two-sided p-value of a bound: 1 minus the level of the widest interval that excludes it.

        It is at least LEAST, since the resamples resolve no smaller one.
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
    """Return one pooled quantity, of shape (POOLED,), as an estimate with its interval over images."""

    def bounds(level: float) -> tuple[float, float]:
        low, high = intervals(pooled, level)
        return float(low), float(high)

    return Estimate(float(pooled[0]), bounds, covers)


def proportion(hits: float, trials: int, covers: str = GIVEN) -> Estimate:
    """Return a proportion with its Clopper-Pearson interval."""
    return Estimate(hits / trials, lambda level: clopper_pearson(hits, trials, level), covers)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return first minus second for independent estimates, from their intervals (Zou and Donner 2008)."""
    value = first.value - second.value

    def bounds(level: float) -> tuple[float, float]:
        low, high = first.bounds(level)
        other_low, other_high = second.bounds(level)
        below = math.hypot(first.value - low, other_high - second.value)
        above = math.hypot(high - first.value, second.value - other_low)
        return value - below, value + above

    return Estimate(value, bounds, first.covers)


def slope_coefficients(sizes: Sequence[float]) -> Array:
    """Return the coefficients whose weighted sum of values is the least-squares slope per doubling of the sizes.

    Examples
    --------
    >>> float(slope_coefficients([8, 16, 32]) @ [1.0, 2.0, 3.0])
    1.0

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
    """Return p-values adjusted by Holm's step-down procedure; NaN (not tested) stays NaN and is not counted.

    Examples
    --------
    >>> holm([0.01, 0.04]).tolist()
    [0.02, 0.04]
    """
    raw = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full_like(raw, np.nan)
    order = [index for index in np.argsort(raw) if not np.isnan(raw[index])]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * raw[order]))
    return adjusted
