"""What a figure may read: the files its rule declares and the metrics its entry names, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian import data, sampling, storage, tables
from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.plotting import curves
from hidden_gaussian.plotting.curves import Curve
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    import pandas as pd

    from hidden_gaussian.tables import Measurements

ALWAYS = frozenset({"memorised_fraction", "gl_score", "rmse"})
"""Metrics that every figure may show: the scores beside a network, and the distance that decides the window."""
NOT_SHARDS = frozenset({"sampler_error.parquet"})


@dataclass(frozen=True)
class FigureData:
    """The declared files of one figure, and the tables' engine over those that are shards.

    Attributes
    ----------
    root : Path
        The dataset's folder.
    index : ResultsIndex
        Cells and settings.
    declared : frozenset of Path
        What may be read.
    metrics : frozenset of str
        Names of the tables' metrics that may be asked for.
    """

    root: Path
    index: ResultsIndex
    declared: frozenset[Path]
    metrics: frozenset[str] = ALWAYS

    @classmethod
    def of(
        cls, root: str | Path, index: ResultsIndex, declared: Iterable[str | Path], metrics: Iterable[str] = ()
    ) -> FigureData:
        """Return the data of a rule's ``input`` and of a figure's entry."""
        return cls(Path(root), index, frozenset(map(Path, declared)), ALWAYS | frozenset(metrics))

    def surrogate(self, index: ResultsIndex) -> FigureData:
        """Return the data of another dataset of the study, a surrogate of this one."""
        return replace(self, root=self.root.parent / index.name, index=index)

    @cached_property
    def measurements(self) -> Measurements:
        """The shards, read once: of their rows only what the metrics need."""
        own = sorted(path for path in self.declared if path.is_relative_to(self.root))
        paths = [path for path in own if path.suffix == ".parquet" and path.name not in NOT_SHARDS]
        frames = [storage.read_shards(paths, tables.quantities(self.metrics) | {"affine_gap"})]
        for path in own:
            if path.name == "sampler_error.parquet":
                frames += tables.solver_rows(storage.read_table(path, sampling.solver_error.TABLE))
        if any(path.name == "spectrum.safetensors" for path in own):
            frames += self._compared()
        return tables.Measurements(frames, math.prod(self.index.shape))

    def _compared(self) -> Iterator[pd.DataFrame]:
        """Yield how alike samples and trajectories of the main network and of other denoisers are, where declared."""
        mean = storage.load_one(self._path(f"{self.index.largest}/spectrum.safetensors"), "mean")
        samples, trajectories = self.index.compared_samples, self.index.compared_trajectories
        if all(map(self.has, samples.values())):
            yield from tables.sample_agreement({key: self.samples(*key) for key in samples}, mean)
        if all(map(self.has, trajectories)):
            ids = [DenoiserId.of_file("", path).id for path in trajectories]
            yield tables.trajectory_agreement(ids[0], {name: self.trajectories(name) for name in ids}, mean)

    def curve(
        self,
        metric: str,
        ids: Sequence[str] | str,
        sigmas: Collection[float] | None = None,
        /,
        **where: str | float | None,
    ) -> Curve:
        """Return a metric over the noise levels, or pooled over some, averaged over halves and replicates.

        Parameters
        ----------
        metric : str
            Its name in the tables.
        ids : str or sequence of str
            Denoisers or sample sets; a curve of no places where none was measured.
        sigmas : collection of float, optional
            Noise levels that are pooled; default: each on its own.
        **where
            See :meth:`hidden_gaussian.tables.Measurements.estimate`; by default on images that no network was trained
            on, where the metric is one of noised images.
        """
        return curves.estimated(
            metric, self._engine(metric).estimate(metric, _listed(ids), sigmas, **self._where(where))
        )

    def in_window(self, metric: str, ids: Sequence[str] | str, **where: str | float | None) -> Curve:
        """Return a metric pooled over the window, a curve of one place; see :meth:`curve`."""
        return self.curve(metric, ids, self.window_levels, **where)

    def profile(
        self, metric: str, ids: Sequence[str] | str, sigma: float | None = None, **where: str | float | None
    ) -> Curve:
        """Return a metric along a further axis, such as rank or threshold, at one noise level; see :meth:`curve`."""
        pooled = self._engine(metric).profile(metric, _listed(ids), sigma=sigma, **self._where(where))
        return curves.estimated(metric, pooled, together=0 if pooled is None else len(pooled.sigma))

    def places(self, metric: str, identifier: str, **where: str | float | None) -> list[float]:
        """Return the places of a metric on its further axis, ascending."""
        return self._engine(metric).places(metric, identifier, **self._where(where))

    def parameters(self, metric: str, identifier: str, **where: str | float | None) -> list[str]:
        """Return the names of the further axes of a metric."""
        return self._engine(metric).parameters(metric, identifier, **self._where(where))

    def levels(self, metric: str, identifier: str, **where: str | float | None) -> list[float]:
        """Return the noise levels of a metric, ascending."""
        return self._engine(metric).levels(metric, identifier, **self._where(where))

    def _engine(self, metric: str) -> Measurements:
        if metric not in self.metrics:
            raise KeyError(f"the figure shows {metric}, which its ENTRY does not name under metrics")
        return self.measurements

    def _where(self, where: dict[str, str | float | None]) -> dict[str, str | float | None]:
        return where if {"sampler", "inputs"} & where.keys() else {"inputs": self.index.unseen, **where}

    @property
    def window_levels(self) -> tuple[float, ...]:
        """Noise levels of the window, see :mod:`hidden_gaussian.tables.window`."""
        return self.measurements.window()

    @property
    def window(self) -> tuple[float, float]:
        """Ends of the window, see :func:`hidden_gaussian.tables.window.ends`."""
        return tables.window.ends([*map(float, self.measurements.departures().index)], self.window_levels)

    @property
    def above_window(self) -> tuple[float, ...]:
        """Noise levels above the window."""
        return tables.window.above([*map(float, self.measurements.departures().index)], self.window_levels)

    @property
    def alpha(self) -> float | None:
        """First weight of the pairs of the linearity scores; the affinity was measured with it alone."""
        return self.measurements.mixing_weight

    def _path(self, relative: str) -> Path:
        path = self.root / relative
        if path not in self.declared:
            raise KeyError(f"the figure reads {relative}, which its ENTRY does not list under needs")
        return path

    def has(self, relative: str) -> bool:
        """Return whether a file is declared."""
        return self.root / relative in self.declared

    def jacobian_images(self, identifier: str) -> dict[str, NDArray[np.float32]]:
        """Return images that show the Jacobians of a denoiser (:mod:`hidden_gaussian.measurement.jacobian`)."""
        return storage.load_arrays(self._path(f"{identifier}/jacobian.safetensors"))

    def outputs(self, identifier: str) -> dict[str, NDArray[np.float16]]:
        """Return a denoiser's outputs on inputs that all share (:mod:`hidden_gaussian.measurement.example_outputs`)."""
        return storage.load_arrays(self._path(f"{identifier}/outputs.safetensors"))

    def samples(self, identifier: str, sampler: str) -> NDArray[np.float32]:
        """Return a sample set, of shape (samples, channels, height, width)."""
        return sampling.sample_sets.load(self._path(f"{identifier}/samples_{sampler}.npy"), mmap=True)

    def trajectories(self, identifier: str) -> NDArray[np.float32]:
        """Return the states of the first samples, of shape (samples, steps + 1, channels, height, width)."""
        return storage.load_array(self._path(f"{identifier}/trajectories_{tables.SAMPLER}.npy"), mmap=True)

    def nearest_indices(self, identifier: str) -> NDArray[np.intp]:
        """Return the position in the subset of the training image nearest to each sample of a network."""
        shard = storage.read_shard(self._path(f"{identifier}/memorisation_{self.index.solver(identifier)}.parquet"))
        nearest = shard[shard["quantity"] == "nearest_index"].sort_values("image")["value"]
        return nearest.to_numpy(np.intp)

    def training_images(self, subset: str) -> NDArray[np.uint8]:
        """Return the images of a subset in the order of its indices, uint8 (image, channel, row, column)."""
        return data.open_subset(self._path("images.npy"), self._path(f"{subset}/subset.npy"))


def _listed(ids: Sequence[str] | str) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)
