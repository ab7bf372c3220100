"""What claims are judged by: the shards of each sweep's cells, looked up by metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from hidden_gaussian.cells import Cell, Subset
from hidden_gaussian.statistics import Estimate, bootstrap
from hidden_gaussian.storage import read_shards
from hidden_gaussian.tables import Array, Measurements, window

QUANTITIES = frozenset(
    {
        "affine_gap",
        "distance",
        "gaussian_spread",
        "loss",
        "mismatch_inside",
        "nonlinear",
        "norm",
        "norm_centred",
        "residual_norm_centred",
    }
)
"""The rows of ``measures.parquet`` that the claims need; other rows are not read."""
FITTED = frozenset({"mismatch_inside", "r2_linear", "r2_linear_residual"})
"""Metrics of linear maps. A ridge shrinks these maps towards the Gaussian's, and the claims would hold by design."""
SAMPLES = frozenset({"memorisation", "agreement", "moments"})
"""The shards of sample sets that the claims need, by the start of their file names."""


class Untestable(Exception):
    """A claim cannot be tested on this evidence.

    Attributes
    ----------
    reason : str
        Entry of the ledger: ``missing`` (a sweep, cell or measurement is absent), ``one level`` (the window has a
        single noise level) or ``ridge`` (the linear maps were fitted with a ridge).
    """

    def __init__(self, what: str, reason: str = "missing") -> None:
        super().__init__(what)
        self.reason = reason


@dataclass(frozen=True)
class Evidence:
    """Shards of one dataset.

    Attributes
    ----------
    measures, samples : DataFrame
        Rows of ``schemas.SHARD`` for the cells, for the Gaussian and empirical denoisers of their subsets, and for
        held-out photographs (``n64a/heldout``); `samples` has memorisation, agreement and moments.
    cells : sequence of Cell
        All trained networks.
    sweeps : mapping of str to sequence of Cell
        ``size, scale, time, halves_large, halves_small, halves_stopped, halves_small_scale``; any may be absent.
    ridge : float
        The penalty that linear maps were fitted with.
    """

    measures: pd.DataFrame
    samples: pd.DataFrame
    cells: Sequence[Cell]
    sweeps: Mapping[str, Sequence[Cell]]
    ridge: float = 0.0

    @classmethod
    def read(
        cls, dataset: str, paths: Iterable[str], sweeps: Mapping[str, Sequence[str]], *, ridge: float = 0.0
    ) -> Evidence:
        """Read the evidence of a dataset.

        Parameters
        ----------
        dataset : str
            Name of the dataset.
        paths : iterable of str
            Shards, recognised by their file names (others are ignored), and ``training.parquet`` of each cell.
        sweeps : mapping of str to sequence of str
            Ids of the cells of each sweep.
        ridge : float
            Penalty of the distillation.

        Raises
        ------
        InputError
            If a file is absent or damaged, or an id does not name a cell.
        """
        kinds = [(Path(path).stem.split("_")[0], path) for path in paths]
        return cls(
            read_shards((path for kind, path in kinds if kind == "measures"), QUANTITIES),
            read_shards(path for kind, path in kinds if kind in SAMPLES),
            [Cell.of_file(dataset, path) for kind, path in kinds if kind == "training"],
            {name: [Cell.parse(dataset, identifier) for identifier in ids] for name, ids in sweeps.items()},
            ridge=ridge,
        )

    @cached_property
    def measurements(self) -> Measurements:
        """The shards, indexed for lookup by metric."""
        return Measurements([self.measures, self.samples])

    @cached_property
    def inputs(self) -> str:
        """The kind of clean image that no network was trained on."""
        return self.measurements.unseen

    @cached_property
    def window(self) -> tuple[float, ...]:
        """Noise levels at which memorising and being Gaussian differ, see :mod:`hidden_gaussian.tables.window`."""
        levels = self.measurements.window()
        if not levels:
            raise Untestable("no empirical denoiser was measured")
        return levels

    @property
    def window_text(self) -> str | None:
        """The window as the ledger states it: its noise levels, and the subset it was computed on."""
        identifier = self.measurements.window_subset()
        if identifier is None:
            return None
        subset = Subset.parse(identifier)
        levels = ", ".join(f"{sigma:.3g}" for sigma in self.window)
        return f"sigma {levels}, at N = {subset.size} (half {subset.half})"

    def sweep(self, name: str) -> list[Cell]:
        """Return the cells of a sweep, sorted; raise Untestable if there are none."""
        if not self.sweeps.get(name):
            raise Untestable(f"the settings have no sweep {name}")
        return sorted(self.sweeps[name])

    def in_window(self, metric: str, identifier: str, *, images: slice | None = None, **where: str) -> Array:
        """Return a metric pooled over the window, with its resamples; on unseen images unless `inputs` says otherwise.

        Raises
        ------
        Untestable
            If it was not measured.
        """
        return self.at_levels(metric, identifier, self.window, images=images, **where)

    def around_window(
        self, metric: str, identifier: str, side: Literal["below", "within", "above"], **where: str
    ) -> Array:
        """Return a metric pooled over the noise levels below, within or above the window, with its resamples.

        The levels are those at which the metric was measured. The window ends halfway to the next level outside.

        Raises
        ------
        Untestable
            If there is no such level.
        """
        low, high = window.ends(self.measurements.departures().index.tolist(), self.window)
        chosen: dict[str, Any] = {"inputs": self.inputs, **where}
        sigma = self.measurements.curve(metric, identifier, **chosen)["sigma"]
        on_side = {"below": sigma < low, "within": sigma.between(low, high), "above": sigma > high}[side]
        if not on_side.any():
            raise Untestable(f"{metric} of {identifier} {side} the window")
        return self.at_levels(metric, identifier, sigma[on_side].tolist(), **chosen)

    def at_levels(
        self, metric: str, identifier: str, sigmas: Sequence[float], *, images: slice | None = None, **where: str
    ) -> Array:
        """Return a metric pooled over some noise levels, with its resamples.

        Raises
        ------
        Untestable
            If it was not measured there, or belongs to linear maps fitted with a ridge.
        """
        if self.ridge and metric in FITTED:
            raise Untestable(f"{metric} of {identifier}", "ridge")
        chosen: dict[str, Any] = {"inputs": self.inputs, **where}
        values = self.measurements.over(metric, identifier, sigmas, images=images, **chosen)
        return _measured(values, f"{metric} of {identifier}")

    def of_samples(self, metric: str, identifier: str, **where: str) -> Array:
        """Return a metric of a sample set, with its resamples; raise Untestable if it was not measured."""
        chosen: dict[str, Any] = {**where}
        return _measured(self.measurements.over(metric, identifier, None, **chosen), f"{metric} of {identifier}")

    def memorised(self, identifiers: Sequence[str]) -> Estimate:
        """Return the mean memorised fraction of sample sets that share their latents; Untestable if one is absent.

        Each latent is one trial, however many sets there are, since a latent that gives a copy in one set may well
        give one in another.
        """
        curves = [self.measurements.curve("memorised_fraction", identifier) for identifier in identifiers]
        if not curves or any(curve.empty for curve in curves):
            raise Untestable(f"memorised fraction of {', '.join(identifiers)}")
        latents = min(int(curve["count"].iloc[0]) for curve in curves)
        share = float(np.mean([curve["value"].iloc[0] for curve in curves]))
        return bootstrap.proportion(share * latents, latents)


def _measured(values: Array | None, what: str) -> Array:
    if values is None or np.isnan(values).any():
        raise Untestable(what)
    return values


def trainings(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Group cells that differ only in the replicate, that is, independent trainings of the same network."""
    groups: dict[Cell, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(replace(cell, replicate=0), []).append(cell)
    return list(groups.values())


def pairs(cells: Sequence[Cell]) -> list[list[tuple[Cell, Cell]]]:
    """Group the pairs (half a, half b) that differ only in the replicate; raise Untestable if there is no pair."""
    second = {replace(cell, half="a"): cell for cell in cells if cell.half == "b"}
    groups = [
        [(cell, second[cell]) for cell in group if cell in second]
        for group in trainings([cell for cell in cells if cell.half == "a"])
    ]
    paired = [group for group in groups if group]
    if not paired:
        raise Untestable("no cell has its other half")
    return paired


def require_sizes(cells: Sequence[Cell]) -> None:
    """Raise Untestable if all cells have the same number of training images."""
    if len({cell.subset_size for cell in cells}) < 2:
        raise Untestable("a trend needs several subset sizes")
