"""What a figure may read: the files its rule declares, and no other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian import data, sampling, storage
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FigureData:
    """The declared files of one figure.

    Attributes
    ----------
    root : Path
        The dataset's folder.
    index : ResultsIndex
        Cells and settings.
    declared : frozenset of Path
        What may be read.
    """

    root: Path
    index: ResultsIndex
    declared: frozenset[Path]

    @classmethod
    def of(cls, root: str | Path, index: ResultsIndex, declared: Iterable[str]) -> FigureData:
        """Return the data of a rule's ``input``."""
        return cls(Path(root), index, frozenset(Path(path) for path in declared))

    def imitation(self, index: ResultsIndex) -> FigureData:
        """Return the data of another dataset of the study, which imitates this one."""
        return replace(self, root=self.root.parent / index.name, index=index)

    def _path(self, relative: str) -> Path:
        path = self.root / relative
        if path not in self.declared:
            raise KeyError(f"the figure reads {relative}, which its entry in the catalogue does not declare")
        return path

    def has(self, relative: str) -> bool:
        """Return whether a file is declared."""
        return self.root / relative in self.declared

    def measures(self, identifier: str) -> pd.DataFrame:
        """Return the measurement shard of a denoiser."""
        return storage.read_shard(self._path(f"{identifier}/measures.parquet"))

    def shard(self, identifier: str, family: str, sampler: str) -> pd.DataFrame:
        """Return a shard of a sample set by its family: memorisation, agreement, moments or splice."""
        return storage.read_shard(self._path(f"{identifier}/{family}_{sampler}.parquet"))

    def sampler_error(self, subset: str) -> pd.DataFrame:
        """Return what the samplers do to the principal components of the Gaussian of a subset."""
        return storage.read_table(self._path(f"{subset}/sampler_error.parquet"), sampling.solver_error.TABLE)

    def slopes(self, identifier: str) -> pd.DataFrame:
        """Return the shard of local slopes of a denoiser."""
        return storage.read_shard(self._path(f"{identifier}/jacobian.parquet"))

    def slope_images(self, identifier: str) -> dict[str, NDArray[np.float32]]:
        """Return the images that show the Jacobians of a denoiser (:mod:`hidden_gaussian.measurement.jacobian`)."""
        return storage.load_arrays(self._path(f"{identifier}/jacobian.safetensors"))

    def outputs(self, identifier: str) -> dict[str, NDArray[np.float16]]:
        """Return a denoiser's outputs on inputs that all share (:mod:`hidden_gaussian.measurement.example_outputs`)."""
        return storage.load_arrays(self._path(f"{identifier}/outputs.safetensors"))

    def samples(self, identifier: str, sampler: str) -> NDArray[np.float32]:
        """Return a sample set, of shape (samples, channels, height, width)."""
        return sampling.sample_sets.load(self._path(f"{identifier}/samples_{sampler}.npy"), mmap=True)

    def trajectories(self, identifier: str, sampler: str) -> NDArray[np.float32]:
        """Return the states of the first samples, of shape (samples, steps + 1, channels, height, width)."""
        return storage.load_array(self._path(f"{identifier}/trajectories_{sampler}.npy"), mmap=True)

    def training_images(self, subset: str) -> NDArray[np.uint8]:
        """Return the images of a subset in the order of its indices, uint8 (image, channel, row, column)."""
        return data.open_subset(self._path("images.npy"), self._path(f"{subset}/subset.npy"))
