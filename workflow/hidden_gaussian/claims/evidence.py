"""What claims are judged by: the shards of the cells of each sweep, asked for by metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from hidden_gaussian import tables
from hidden_gaussian.cells import Cell
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
"""The rows of ``measures.parquet`` that the claims need: the others need not be read."""
FITTED = frozenset({"mismatch_inside", "r2_linear", "r2_linear_residual"})
"""Metrics of linear maps, which a ridge draws towards the Gaussian's."""
SAMPLES = frozenset({"memorisation", "agreement", "moments"})
"""The shards of sample sets that the claims need, by the beginning of their file names."""


class Missing(Exception):
    """A sweep, a cell or a measurement that a claim needs is not there; `reason` is what the ledger says of it."""

    reason = "missing"


class Shrunk(Missing):
    """A claim needs linear maps, but a ridge shrinks them towards the Gaussian's: it would hold by construction."""

    reason = "ridge"


class OneLevel(Missing):
    """The window has one noise level, and so no trend over it."""

    reason = "one level"


@dataclass(frozen=True)
class Evidence:
    """Shards of one dataset.

    Attributes
    ----------
    measures, samples : DataFrame
        Rows of ``schemas.SHARD``: of the cells, of the Gaussian and empirical denoisers of their subsets, and of
        held-out photographs (``n64a/heldout``); `samples` has memorisation, agreement and moments.
    training : DataFrame
        Rows of ``schemas.TRAINING``.
    cells : sequence of Cell
        Everything that was trained.
    sweeps : mapping of str to sequence of Cell
        ``size, scale, time, halves_large, halves_small, halves_stopped, halves_small_scale``; any may be absent.
    ridge : float
        The penalty that linear maps were fitted with.
    """

    measures: pd.DataFrame
    samples: pd.DataFrame
    training: pd.DataFrame
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
            Its name.
        paths : iterable of str
            Shards, told apart by their file names (others are left aside), and ``training.parquet`` of every snapshot.
        sweeps : mapping of str to sequence of str
            Ids of the cells of each sweep.
        ridge : float
            Of the distillation.

        Raises
        ------
        InputError
            If a file is absent or damaged, or an id is not that of a cell.
        """
        kinds = [(Path(path).stem.split("_")[0], path) for path in paths]
        logs = [path for kind, path in kinds if kind == "training"]
        return cls(
            read_shards((path for kind, path in kinds if kind == "measures"), QUANTITIES),
            read_shards(path for kind, path in kinds if kind in SAMPLES),
            tables.training(dataset, logs),
            [Cell.parse(dataset, "/".join(Path(path).parts[-4:-1])) for path in logs],
            {name: [Cell.parse(dataset, identifier) for identifier in ids] for name, ids in sweeps.items()},
            ridge=ridge,
        )

    @cached_property
    def measurements(self) -> Measurements:
        """The shards by place."""
        return Measurements([self.measures, self.samples])

    @cached_property
    def inputs(self) -> str:
        """Clean images that no network was trained on."""
        return self.measurements.unseen

    @cached_property
    def window(self) -> tuple[float, ...]:
        """Noise levels where memorising and being Gaussian differ, see :mod:`hidden_gaussian.tables.window`."""
        levels = self.measurements.window()
        if not levels:
            raise Missing("no empirical denoiser was measured")
        return levels

    @property
    def window_text(self) -> str | None:
        """The window as the ledger keeps it: where it lies, and of which subset it was computed."""
        subset = self.measurements.window_subset()
        if subset is None:
            return None
        levels = ", ".join(f"{sigma:.3g}" for sigma in self.window)
        return f"sigma {levels}, at N = {subset[1:-1]} (half {subset[-1]})"

    def sweep(self, name: str) -> list[Cell]:
        """Return the cells of a sweep, sorted; Missing if there are none."""
        if not self.sweeps.get(name):
            raise Missing(f"the settings have no sweep {name}")
        return sorted(self.sweeps[name])

    def has(self, name: str) -> bool:
        """Return whether the settings have a sweep."""
        return bool(self.sweeps.get(name))

    def in_window(self, metric: str, identifier: str, *, images: slice | None = None, **where: str) -> Array:
        """Return a metric pooled over the window, on images that were not trained on unless said, with its resamples.

        Raises
        ------
        Missing
            If it was not measured.
        """
        return self.at_levels(metric, identifier, self.window, images=images, **where)

    def around_window(
        self, metric: str, identifier: str, side: Literal["below", "within", "above"], **where: str
    ) -> Array:
        """Return a metric pooled over the noise levels on one side of the window, or within, with its resamples.

        The levels are those that the metric was measured at; the window ends halfway to the levels outside of it.

        Raises
        ------
        Missing
            If there is no such level.
        """
        low, high = window.ends(self.measurements.departures().index.tolist(), self.window)
        chosen: dict[str, Any] = {"inputs": self.inputs, **where}
        sigma = self.measurements.curve(metric, identifier, **chosen)["sigma"]
        kept = {"below": sigma < low, "within": sigma.between(low, high), "above": sigma > high}[side]
        if not kept.any():
            raise Missing(f"{metric} of {identifier} {side} the window")
        return self.at_levels(metric, identifier, sigma[kept].tolist(), **chosen)

    def at_levels(
        self, metric: str, identifier: str, sigmas: Sequence[float], *, images: slice | None = None, **where: str
    ) -> Array:
        """Return a metric pooled over some noise levels with its resamples.

        Raises
        ------
        Missing
            If it was not measured there, or of maps that a ridge has shrunk.
        """
        if self.ridge and metric in FITTED:
            raise Shrunk(f"{metric} of {identifier}")
        chosen: dict[str, Any] = {"inputs": self.inputs, **where}
        values = self.measurements.over(metric, identifier, sigmas, images=images, **chosen)
        return _there(values, f"{metric} of {identifier}")

    def of_samples(self, metric: str, identifier: str, **where: str) -> Array:
        """Return a metric of a sample set with its resamples; Missing if it was not measured."""
        chosen: dict[str, Any] = {**where}
        return _there(self.measurements.over(metric, identifier, None, **chosen), f"{metric} of {identifier}")

    def memorised(self, identifiers: Sequence[str]) -> Estimate:
        """Return the mean memorised fraction of sample sets that share their latents; Missing if one is not there.

        Each latent is one trial, however many sets: a latent that gives a copy in one may well give one in another.
        """
        curves = [self.measurements.curve("memorised_fraction", identifier) for identifier in identifiers]
        if not curves or any(curve.empty for curve in curves):
            raise Missing(f"memorised fraction of {', '.join(identifiers)}")
        latents = min(int(curve["count"].iloc[0]) for curve in curves)
        share = float(np.mean([curve["value"].iloc[0] for curve in curves]))
        return bootstrap.proportion(share * latents, latents)


def _there(values: Array | None, what: str) -> Array:
    if values is None or np.isnan(values).any():
        raise Missing(what)
    return values


def trainings(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Group cells that differ only in the replicate: independent trainings of the same thing."""
    groups: dict[Cell, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(replace(cell, replicate=0), []).append(cell)
    return list(groups.values())


def pairs(cells: Sequence[Cell]) -> list[list[tuple[Cell, Cell]]]:
    """Group the pairs (half a, half b) of cells that differ only in the replicate; Missing if there is no pair."""
    second = {replace(cell, half="a"): cell for cell in cells if cell.half == "b"}
    groups = [
        [(cell, second[cell]) for cell in group if cell in second]
        for group in trainings([cell for cell in cells if cell.half == "a"])
    ]
    found = [group for group in groups if group]
    if not found:
        raise Missing("no cell has its other half")
    return found


def require_sizes(cells: Sequence[Cell]) -> None:
    """Raise Missing if all cells have the same number of training images."""
    if len({cell.subset_size for cell in cells}) < 2:
        raise Missing("a trend needs several subset sizes")
