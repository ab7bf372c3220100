"""Independent trainings of one cell: their mean, and how their spread widens an interval over images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.statistics.bootstrap import Array, Estimate

ALL = "images and trainings"


def training_spread(groups: Sequence[tuple[float, Sequence[float], float]]) -> tuple[float, int]:
    """Return the standard error of a weighted sum of group means that comes from independent trainings.

    The variance between trainings is pooled over the groups.

    Parameters
    ----------
    groups : sequence of (coefficient, values, noise)
        The coefficient of a cell's mean in the sum, the values of the cell's replicates, and the part of their sum of
        squares that is noise of the images, which the interval over images already contains.

    Returns
    -------
    float, int
        Standard error and degrees of freedom; (0, 0) if no cell has two replicates.
    """
    degrees = sum(len(values) - 1 for _, values, _ in groups)
    if degrees == 0:
        return 0.0, 0
    squares = sum(float(np.square(np.asarray(values) - np.mean(values)).sum()) - noise for _, values, noise in groups)
    share = sum(coefficient**2 / len(values) for coefficient, values, _ in groups)
    return math.sqrt(max(squares, 0.0) / degrees * share), degrees


def with_trainings(estimate: Estimate, error: float, degrees: int, covers: str = ALL) -> Estimate:
    """Widen an interval by the spread of trainings, using t; without degrees of freedom, return it unchanged."""
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


def combine(groups: Sequence[tuple[float, Sequence[Array]]], covers: str = bootstrap.GIVEN) -> Estimate:
    """Return a weighted sum over cells of the mean of replicates; the interval covers images and trainings.

    Parameters
    ----------
    groups : sequence of (coefficient, replicates)
        Each replicate a pooled statistic of shape (POOLED,).
    covers : str
        What the interval covers if no cell has two replicates. The spread of trainings includes the spread of fits.
    """
    stacked = [(coefficient, np.stack(replicates)) for coefficient, replicates in groups]
    total = np.asarray(sum(coefficient * replicates.mean(axis=0) for coefficient, replicates in stacked))
    spread = training_spread([(coefficient, one[:, 0].tolist(), _noise(one)) for coefficient, one in stacked])
    return with_trainings(bootstrap.resampled(total, covers), *spread)


def _noise(replicates: Array) -> float:
    """Return the sum of squares between replicates that the choice of images alone explains."""
    apart = (replicates - replicates.mean(axis=0))[:, 1 : 1 + bootstrap.RESAMPLES]
    return float(apart.var(axis=1).sum())
