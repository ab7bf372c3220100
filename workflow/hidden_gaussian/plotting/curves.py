"""From measurement shards to curves over noise levels, with intervals over images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.statistics import bootstrap, mixing_blocks
from hidden_gaussian.tables import signed_root_ratio, window

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
KEPT = 3  # whole shards; what was arranged from them is kept of all
MIXED = "image of a ring"
"""Index of tables with a row per image and its neighbours (:mod:`hidden_gaussian.statistics.mixing_blocks`)."""


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


NOTHING = Curve(*np.empty((4, 0)))


def ratio(numerator: pd.DataFrame, denominator: pd.DataFrame, power: float = 1.0, *, stream: str) -> Curve:
    """Return (sum of numerators / sum of denominators)^power, a column at a time.

    Parameters
    ----------
    numerator, denominator : DataFrame
        One row an image, one column a place; images and places that only one of them has are left out. Where the
        index has the name :data:`MIXED`, images were mixed, and whole rings are resampled.
    stream : str
        Which images are resampled: the kind of input, ``latents`` or ``photographs``.

    Returns
    -------
    Curve
        Its band is simultaneous over the places; the same images are resampled in every column and curve.
    """
    return combined([numerator, denominator], lambda top, bottom: (top / bottom) ** power, stream=stream)


def combined(tables: Sequence[pd.DataFrame], formula: Callable[..., Array], *, stream: str) -> Curve:
    """Return a formula of sums over images, a column at a time, with intervals as those of :func:`ratio`."""

    import pandas as pd

    rows = reduce(pd.Index.intersection, (table.index for table in tables))
    columns = reduce(pd.Index.intersection, (table.columns for table in tables)).sort_values()
    sums = [_pooled(table.loc[rows, columns], stream) for table in tables]
    with np.errstate(divide="ignore", invalid="ignore"):
        return curve(columns.to_numpy(float), formula(*sums))


def mean(values: pd.DataFrame, *, stream: str) -> Curve:
    """Return the mean over images, a column at a time, with intervals as those of :func:`ratio`."""
    return curve(values.columns.to_numpy(float), _pooled(values, stream))


def _pooled(table: pd.DataFrame, stream: str) -> Array:
    return bootstrap.pool(table.to_numpy(float).T, stream, mixed=table.index.name == MIXED)


def curve(places: Array, pooled: Array) -> Curve:
    """Return a pooled statistic of shape (places, POOLED) as a curve with a simultaneous band."""
    return Curve(places, pooled[:, 0], *bootstrap.bands(pooled), pooled)


@dataclass
class Measured:
    """Measurement shards of one figure, arranged as they are asked for.

    Attributes
    ----------
    data : FigureData
    """

    data: FigureData
    _shards: dict[str, pd.DataFrame] = field(default_factory=dict)
    _tables: dict[tuple[object, ...], pd.DataFrame] = field(default_factory=dict)

    @property
    def inputs(self) -> str:
        """Which clean images the curves are of: held-out ones where there are any, else foreign, else training."""
        return self.data.index.unseen

    def shard(self, identifier: str, inputs: str | None = None) -> pd.DataFrame:
        """Return the measurements of a denoiser on one kind of input."""
        if identifier not in self._shards:
            self._shards = dict(list(self._shards.items())[1 - KEPT :])  # of the largest study each takes 150 MB
            self._shards[identifier] = self.data.measures(identifier)
        shard = self._shards[identifier]
        return shard[shard["inputs"] == (inputs or self.inputs)]

    def table(
        self,
        ids: Iterable[str] | str,
        quantity: str,
        reference: str | None = None,
        *,
        pairs: bool = False,
        each: bool = False,
        inputs: str | None = None,
    ) -> pd.DataFrame:
        """Return a quantity by image (rows) and sigma (columns), a mean over draws and over the denoisers.

        Parameters
        ----------
        ids : str or iterable of str
            Denoisers, measured on the same images.
        quantity : str
        reference : str, optional
            ``gaussian`` or ``empirical``: of each denoiser's own subset; ``linear``: distilled from it.
        pairs : bool
            The quantity as it was measured for the pairs of the linearity scores, at their levels.
        each : bool
            One row an image and draw instead, for what is not linear in the quantity.
        inputs : str, optional
            Kind of clean image, if not :attr:`inputs`.
        """
        ids = [ids] if isinstance(ids, str) else list(ids)
        tables = []
        for identifier in ids:
            key = (identifier, quantity, reference, pairs, each, inputs or self.inputs)
            if key not in self._tables:
                rows = self._rows(self.shard(identifier, inputs), identifier, quantity, reference, pairs)
                index = ["image", "draw"] if each else "image"
                table = rows.pivot_table(index=index, columns="sigma", values="value", aggfunc="mean")
                self._tables[key] = table.rename_axis(index=MIXED) if pairs else table
            tables.append(self._tables[key])
        total = tables[0]
        for table in tables[1:]:
            total = total.add(table)
        return (total / len(tables)).dropna(axis=0, how="all").dropna(axis=1, how="all")

    @staticmethod
    def _rows(rows: pd.DataFrame, identifier: str, quantity: str, reference: str | None, pairs: bool) -> pd.DataFrame:
        rows = rows[(rows["image"] >= 0) & ((rows["parameter"] == mixing_blocks.AXIS) == pairs)]
        if pairs:  # of several weights the first, at which the affinity is
            rows = rows[rows["at"].isin(rows.loc[rows["quantity"] == "affine_gap", "at"])]
        rows = rows[rows["quantity"] == quantity]
        if reference is None:
            rows = rows[rows["reference_id"].isna()]
        else:
            owner = identifier if reference == "linear" else identifier.split("/")[0]
            rows = rows[rows["reference_id"] == f"{owner}/{reference}"]
        return rows

    def ratio(self, numerator: pd.DataFrame, denominator: pd.DataFrame, power: float = 1.0) -> Curve:
        """Return :func:`ratio` with the images of these inputs resampled."""
        return ratio(numerator, denominator, power, stream=self.inputs)

    def mean(self, values: pd.DataFrame) -> Curve:
        """Return :func:`mean` with the images of these inputs resampled."""
        return mean(values, stream=self.inputs)

    def nrmse(self, ids: Iterable[str] | str, quantity: str = "distance", reference: str = "gaussian") -> Curve:
        """Return a distance, by default to the own Gaussian, relative to the denoiser's output, over sigma.

        The root keeps the sign of a product of two fits, see :func:`hidden_gaussian.tables.formulas.signed_root`.
        """
        ids = [ids] if isinstance(ids, str) else list(ids)
        return self.root_ratio(self.table(ids, quantity, reference), self.table(ids, "norm"))

    def root_ratio(self, numerator: pd.DataFrame, denominator: pd.DataFrame) -> Curve:
        """Return the root of a ratio of sums, with the sign of the numerator."""
        return self.combined([numerator, denominator], signed_root_ratio)

    def scale(self, ids: Iterable[str] | str) -> pd.DataFrame:
        """Return the distance of the empirical denoisers of some denoisers' subsets to their Gaussians."""
        ids = [ids] if isinstance(ids, str) else list(ids)
        return self.table([f"{identifier.split('/')[0]}/empirical" for identifier in ids], "distance", "gaussian")

    def window_levels(self) -> list[float]:
        """Return the noise levels of the window, see :mod:`hidden_gaussian.tables.window`."""
        return list(window.inside(self._departure().mean()))

    def window(self) -> tuple[float, float]:
        """Return the ends of the window, see :func:`hidden_gaussian.tables.window.ends`."""
        return window.ends([float(sigma) for sigma in self._departure().columns], self.window_levels())

    def _departure(self) -> pd.DataFrame:
        """Return the distance of the largest subset's memoriser to its Gaussian, on training images where measured."""
        inputs = "train" if "train" in self.data.index.inputs else self.inputs
        empirical = f"{self.data.index.largest}/empirical"
        return self.table(empirical, "distance", "gaussian", inputs=inputs)

    def combined(self, tables: Sequence[pd.DataFrame], formula: Callable[..., Array]) -> Curve:
        """Return :func:`combined` with the images of these inputs resampled."""
        return combined(tables, formula, stream=self.inputs)

    def distances(self, ids: Iterable[str]) -> list[pd.DataFrame]:
        """Return squared distances: to the own Gaussian, to the own empirical denoiser, and between these two."""
        ids = list(ids)
        return [*(self.table(ids, "distance", kind) for kind in ("gaussian", "empirical")), self.scale(ids)]

    def distilled(self, ids: Iterable[str], inputs: str | None = None) -> list[str]:
        """Return the denoisers to which linear maps were fitted."""
        return [identifier for identifier in ids if len(self.table(identifier, "distance", "linear", inputs=inputs))]

    def in_window(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the sum of a quantity over the window, one column."""
        return table[self.window_levels()].sum(axis=1).to_frame(0.0)

    def rho(self, ids: Iterable[str] | str) -> Curve:
        """Return the squared distance to the own Gaussian in units of the empirical denoiser's, over the window.

        0 is the Gaussian; 1 is as far from it as the memoriser of the same images. A curve of one place.
        """
        ids = [ids] if isinstance(ids, str) else list(ids)
        return self.ratio(self.in_window(self.table(ids, "distance", "gaussian")), self.in_window(self.scale(ids)))


def between(table: pd.DataFrame, low: float = 0.0, high: float = np.inf) -> pd.DataFrame:
    """Return the noise levels of a table that lie between two, ends included."""
    return table[[sigma for sigma in table.columns if low <= float(sigma) <= high]]


def joined(places: Iterable[float], curves: Iterable[Curve]) -> Curve:
    """Return curves of one place each as one curve over the given places, whose intervals hold together if they can."""
    parts = list(curves)
    pooled = [part.pooled for part in parts if part.pooled is not None]
    if parts and len(pooled) == len(parts):
        return curve(np.array(list(places), float), np.concatenate(pooled))
    columns = (np.array([float(getattr(part, name)[0]) for part in parts]) for name in ("value", "low", "high"))
    return Curve(np.array(list(places), float), *columns)
