"""Rows of the tables: where a metric can be evaluated, and its estimate with an interval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.tables.evaluation import Found, Pooled
from hidden_gaussian.tables.formulas import Array, Metric


def relation(identifier: str, reference_id: str) -> str:
    """Return the relation of a reference to a denoiser, in words that are equal for halves and replicates.

    Examples
    --------
    >>> relation("n64a/ve16r1/i6400", "n64a/gaussian")
    'gaussian'
    >>> relation("n64a/ve16r1/i6400", "n64b/ve16r1/i6400")
    'other half'
    >>> relation("n64a/ve16r1/i6400", "n512a/gaussian")
    'largest gaussian'
    """
    denoiser = DenoiserId.parse(identifier)
    if reference_id == denoiser.subset.id:
        return "training images"
    reference = DenoiserId.parse(reference_id)
    if reference == denoiser:
        return "itself"
    if denoiser.below(reference):
        return "own network"
    if reference == denoiser.other_half:
        return "other half"
    if reference.subset == denoiser.subset:
        return reference.below(denoiser) or reference.name
    return f"{'other' if reference.subset == denoiser.subset.other_half else 'largest'} {reference.name}"


class Row(NamedTuple):
    """One place where a metric can be evaluated: the columns that identify the row, and the terms of its formula."""

    metric: Metric
    id: str
    reference_id: str | None
    inputs: str | None
    sampler: str | None
    parameter: str | None
    at: float | None
    terms: tuple[Found, ...]

    @property
    def relation(self) -> str | None:
        """The reference in words, see :func:`relation`."""
        return None if self.reference_id is None else relation(self.id, self.reference_id)

    @property
    def fitted(self) -> bool:
        """Whether the metric uses a distilled map, so that its interval holds given that fit."""
        names = (self.id, self.reference_id or "", *(term.reference for term in self.metric.terms))
        return any(name.endswith(("/linear", "{linear}")) for name in names)


def summary(metric: Metric, pooled: Pooled) -> dict[str, NDArray[Any]]:
    """Return ``sigma, value, low, high, count`` of a metric, each of shape (levels,).

    Low and high are NaN where values are neither per image nor resampled statistics.
    """
    value = pooled.values[:, 0]
    if metric.proportion:
        _, low, high = fractions(value, pooled.count)
    elif pooled.has_interval:
        low, high = bootstrap.intervals(pooled.values)
    else:
        low = high = np.full_like(value, np.nan)
    count = np.full(len(value), pooled.count)
    return {"sigma": pooled.sigma, "value": value, "low": low, "high": high, "count": count}


def fractions(shares: Array, count: int, level: float = bootstrap.LEVEL) -> tuple[Array, Array, Array]:
    """Return fractions of `count` samples with the ends of Clopper and Pearson's intervals.

    Of several sample sets of the same latents the latents are the trials, so a mean may count fractions of a latent.

    Examples
    --------
    >>> shares, low, high = fractions(np.array([0.5]), 4)
    >>> bool(low[0] < 0.07) and bool(high[0] > 0.93)
    True
    """
    bounds = [bootstrap.clopper_pearson(_hits(float(share), count), count, level) for share in shares]
    low, high = np.array(bounds).reshape(-1, 2).T
    return shares, low, high


def _hits(share: float, count: int) -> float:
    whole = round(share * count)
    return whole if abs(whole - share * count) < 1e-9 * count else share * count
