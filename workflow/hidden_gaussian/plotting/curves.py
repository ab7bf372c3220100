"""Curves: what the tables' engine estimates, with intervals as figures draw them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian import statistics, tables

if TYPE_CHECKING:
    from hidden_gaussian.tables import Pooled

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Estimates at places x, with the ends of their 95 % intervals.

    Attributes
    ----------
    x, value, low, high : ndarray of shape (places,)
        Along one curve the intervals hold together where there are resamples; Clopper and Pearson's hold one by one.
    pooled : ndarray of shape (places, POOLED), optional
        The estimates with the resamples that the intervals are made from.
    """

    x: Array
    value: Array
    low: Array
    high: Array
    pooled: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def error(self) -> list[Array]:
        """Lengths of the interval below and above the estimates, for error bars."""
        return [self.value - self.low, self.high - self.value]

    def within(self, low: float = 0.0, high: float = np.inf) -> Curve:
        """Return the part between two places, both included; its band still holds for the whole curve."""
        return self.take(np.flatnonzero((low <= self.x) & (self.x <= high)))

    def take(self, places: Sequence[int] | NDArray[np.intp]) -> Curve:
        """Return the part at some places, by position."""
        chosen = list(places)
        parts = (self.x[chosen], self.value[chosen], self.low[chosen], self.high[chosen])
        return Curve(*parts, None if self.pooled is None else self.pooled[chosen])

    def at_places(self, places: Iterable[float]) -> Curve:
        """Return the part at some places."""
        return self.take(np.flatnonzero(np.isin(self.x, list(places))))

    def at(self, places: Array) -> Curve:
        """Return the same estimates at other places."""
        return Curve(places, self.value, self.low, self.high, self.pooled)


NOTHING = Curve(*np.empty((4, 0)))


def curve(places: Array, pooled: Array) -> Curve:
    """Return a pooled statistic of shape (places, POOLED) as a curve with a simultaneous band."""
    return Curve(places, pooled[:, 0], *statistics.bootstrap.bands(pooled), pooled)


def estimated(metric: str, pooled: Pooled | None, *, together: int = 1) -> Curve:
    """Return what the engine estimated as a curve.

    Parameters
    ----------
    metric : str
        Its name; fractions have Clopper and Pearson's intervals.
    pooled : Pooled or None
        None gives a curve of no places.
    together : int
        How many intervals of fractions hold together (Bonferroni).
    """
    if pooled is None:
        return NOTHING
    defined = np.isfinite(pooled.values[:, 0])
    places, values = pooled.sigma[defined], pooled.values[defined]
    if metric not in tables.PROPORTIONS:
        return curve(places, values)
    level = 1 - (1 - statistics.bootstrap.LEVEL) / together
    return Curve(places, *tables.fractions(values[:, 0], pooled.count, level))


def joined(places: Iterable[float], curves: Iterable[Curve]) -> Curve:
    """Return curves of one place each as one curve over several places; intervals from resamples hold together."""
    parts = list(curves)
    pooled = [part.pooled for part in parts if part.pooled is not None]
    if parts and len(pooled) == len(parts):
        return curve(np.array(list(places), float), np.concatenate(pooled))
    columns = (np.array([float(getattr(part, name)[0]) for part in parts]) for name in ("value", "low", "high"))
    return Curve(np.array(list(places), float), *columns)
