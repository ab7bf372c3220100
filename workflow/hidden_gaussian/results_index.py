"""The index of a dataset's result files: which cells there are, and where the files of each measurement are.

It is made from the settings alone and imports no library of tables or drawing, since every job makes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hidden_gaussian.cells import Cell, DenoiserId, Subset
from hidden_gaussian.reference_names import possible
from hidden_gaussian.settings import Dataset, unseen

INPUT_NAMES = {"heldout": "held-out", "foreign": "foreign", "train": "training"}


@dataclass(frozen=True)
class ResultsIndex:
    """The index of a dataset's result files.

    Paths are relative to the dataset's folder.

    Attributes
    ----------
    name : str
        Name of the dataset.
    sweeps : mapping of str to sequence of str
        Ids of the cells of each sweep.
    largest : str
        The largest subset of the sweeps, or of the grid if there are none. Its empirical and Gaussian denoisers define
        the window W of noise levels.
    inputs : sequence of str
        Kinds of clean image that are measured.
    sampler : str
        Solver of the networks' sample sets.
    shape : sequence of int
        Channels, height and width of an image.
    training_settings : mapping of str to float
        ``warmup`` in images, ``p_mean`` and ``p_std`` of ln sigma.
    splice_cells : sequence of str
        Ids of the cells that are sampled with another denoiser at some noise levels.
    measured_references, sampled_references : sequence of str
        Configurable reference denoisers of every subset, such as ``stationary``.
    alphas : sequence of float
        Weights of the pairs of the linearity scores, if there are several.
    distilled, gradient_descent : bool
        Whether both ends of the size sweep are distilled, and whether they are also fitted by gradient descent.
    jacobian_cells : sequence of str
        Ids of the cells whose Jacobians are measured.
    surrogates : sequence of ResultsIndex
        The study's datasets of random images made from this dataset, with their size sweeps only.
    """

    name: str
    sweeps: Mapping[str, Sequence[str]]
    largest: str
    inputs: Sequence[str]
    sampler: str
    shape: Sequence[int]
    training_settings: Mapping[str, float]
    splice_cells: Sequence[str] = ()
    measured_references: Sequence[str] = ()
    sampled_references: Sequence[str] = ()
    alphas: Sequence[float] = ()
    distilled: bool = False
    gradient_descent: bool = False
    jacobian_cells: Sequence[str] = ()
    surrogates: Sequence[ResultsIndex] = ()

    @classmethod
    def of(cls, name: str, dataset: Dataset, study: Mapping[str, Dataset] | None = None) -> ResultsIndex:
        """Return the index of a dataset, with the indices of its surrogates in the study."""
        sweeps = dataset.sweeps(name)
        cells = dataset.cells(name)
        swept = [cell for chosen in sweeps.values() for cell in chosen]
        measures, sampling = dataset.measures, dataset.sampling
        index = cls(
            name,
            {sweep: [cell.id for cell in chosen] for sweep, chosen in sweeps.items()},
            largest=max((Subset.parse(cell.subset) for cell in swept or cells), key=lambda subset: subset.rank).id,
            inputs=dataset.inputs,
            sampler=sampling.sampler,
            shape=(dataset.channels, dataset.resolution, dataset.resolution),
            training_settings={key: float(getattr(dataset.training, key)) for key in ("warmup", "p_mean", "p_std")},
            splice_cells=[cell.id for cell in sampling.splice.choose(cells)] if sampling.splice else [],
            measured_references=measures.references,
            sampled_references=sampling.references,
            alphas=measures.alphas if len(measures.alphas) > 1 else (),
            jacobian_cells=[cell.id for cell in measures.jacobian.cells.choose(cells)] if measures.jacobian else [],
            surrogates=[
                cls.of(other, surrogate).only(["size"])
                for other, surrogate in (study or {}).items()
                if surrogate.source.of == name and surrogate.sweeps(other).get("size")
            ],
        )
        exact, descent = (index._has_ends(chosen) for chosen in _distilled(dataset, cells, index.unseen))
        return replace(index, distilled=exact, gradient_descent=descent)

    def _has_ends(self, chosen: Collection[str]) -> bool:
        """Return whether both ends of the size sweep are among some cells."""
        return bool(self.cells("size")) and {self.smallest.id, self.main.id} <= set(chosen)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> ResultsIndex:
        """Return the index that :func:`dataclasses.asdict` made a dictionary of."""
        return cls(**{**content, "surrogates": [cls.read(one) for one in content["surrogates"]]})

    def only(self, sweeps: Collection[str]) -> ResultsIndex:
        """Return the index with these sweeps only, so that a figure does not depend on cells it does not show."""
        return replace(self, sweeps={name: ids for name, ids in self.sweeps.items() if name in sweeps})

    def cells(self, *sweeps: str) -> list[Cell]:
        """Return the cells of some sweeps, each once. An absent sweep has none."""
        ids = dict.fromkeys(identifier for sweep in sweeps for identifier in self.sweeps.get(sweep, ()))
        return self._parsed(list(ids))

    @property
    def all_cells(self) -> list[Cell]:
        """Cells of all sweeps."""
        return self.cells(*self.sweeps)

    @property
    def main(self) -> Cell:
        """The cell of the size sweep with the most training images: the example of a generalising network."""
        return max(self.cells("size"), key=lambda cell: (cell.subset_size, cell.half == "a", -cell.replicate))

    @property
    def smallest(self) -> Cell:
        """The cell of the size sweep with the fewest training images."""
        return min(self.cells("size"), key=lambda cell: (cell.subset_size, cell.half, cell.replicate))

    @property
    def unseen(self) -> str:
        """Kind of clean image that no network was trained on, or ``train`` if there is none."""
        return unseen(self.inputs)

    @property
    def unseen_name(self) -> str:
        """What images of that kind are called in labels."""
        return INPUT_NAMES[self.unseen]

    @property
    def photographs(self) -> bool:
        """Whether there are photographs that no network was trained on: held-out or foreign ones."""
        return bool({"heldout", "foreign"} & set(self.inputs))

    def solver(self, identifier: str) -> str:
        """Return the solver of a network's sample sets: one that visits only levels where the network is defined."""
        return "euler10" if Cell.parse(self.name, identifier).is_levelwise else self.sampler

    def measures(self, cells: list[Cell], *kinds: str) -> list[str]:
        """Return measurement shards of cells, of reference denoisers of their subsets, and of the window."""
        return [f"{identifier}/measures.parquet" for identifier in [*_ids(cells, kinds), f"{self.largest}/empirical"]]

    def memorisation(self, cells: list[Cell]) -> list[str]:
        """Return memorisation shards of cells, and of their nulls: photographs and noisy copies."""
        files = [f"{cell.id}/memorisation_{self.solver(cell.id)}.parquet" for cell in cells]
        return files + self._photographs(cells, "memorisation")

    def samples(self, cells: list[Cell]) -> list[str]:
        """Return sample sets of cells and of their Gaussians."""
        files = [f"{cell.id}/samples_{self.solver(cell.id)}.npy" for cell in cells]
        return files + [f"{subset}/gaussian/samples_exact.npy" for subset in _subsets(cells)]

    def agreement(self, cells: list[Cell]) -> list[str]:
        """Return agreement shards of half a: cells and reference denoisers, each compared with half b."""
        first = [cell for cell in cells if cell.half == "a"]
        files = [f"{cell.id}/agreement_{self.solver(cell.id)}.parquet" for cell in first]
        files += [f"{subset}/gaussian/agreement_exact.parquet" for subset in _subsets(first)]
        return files + [f"{subset}/empirical/agreement_{self.sampler}.parquet" for subset in _subsets(first)]

    def distances(self, cells: list[Cell]) -> list[str]:
        """Return shards of the distances to each configurable reference of cells' subsets."""
        names = self.measured_references
        return [f"{listed}/distances.parquet" for subset in _subsets(cells) for listed in possible(names, subset)]

    def linearity(self, cells: list[Cell]) -> list[str]:
        """Return shards of linearity with each further weight, of cells' subsets."""
        return [f"{subset}/alpha{alpha!r}/linearity.parquet" for subset in _subsets(cells) for alpha in self.alphas[1:]]

    def references(self, cells: list[Cell]) -> list[str]:
        """Return shards of the configurable reference denoisers of cells' subsets; agreement of half a only."""
        measured = [name for subset in _subsets(cells) for name in possible(self.measured_references, subset)]
        sampled = [name for subset in _subsets(cells) for name in possible(self.sampled_references, subset)]
        first = [identifier for identifier in sampled if DenoiserId.parse(identifier).subset.half == "a"]
        return [
            *(f"{identifier}/measures.parquet" for identifier in measured),
            *(f"{identifier}/memorisation_{self.sampler}.parquet" for identifier in sampled),
            *(f"{identifier}/agreement_{self.sampler}.parquet" for identifier in first),
        ]

    def moments(self, cells: list[Cell]) -> list[str]:
        """Return moment shards of cells, of their Gaussians, and of their nulls: photographs and noisy copies."""
        files = [f"{cell.id}/moments_{self.solver(cell.id)}.parquet" for cell in cells]
        files += [f"{subset}/gaussian/moments_exact.parquet" for subset in _subsets(cells)]
        return files + self._photographs(cells, "moments")

    def _photographs(self, cells: list[Cell], family: str) -> list[str]:
        subsets = _subsets(cells) if self.photographs else []
        return [f"{subset}/nulls/{family}_photographs.parquet" for subset in subsets]

    @property
    def splices(self) -> list[str]:
        """Splice shards: of the networks' sampler, and of Euler's, at whose noise levels linear maps exist."""
        return [path for cell in self._parsed(self.splice_cells) for path in self.splices_of(cell)]

    def splices_of(self, cell: Cell) -> list[str]:
        """Return the splice shards of one cell, for each of its samplers."""
        return [f"{cell.id}/splice_{sampler}.parquet" for sampler in dict.fromkeys((self.solver(cell.id), "euler10"))]

    @property
    def shown_splice_cells(self) -> list[Cell]:
        """The two spliced cells that a figure shows: with the fewest and with the most training images."""
        return self._extremes(self.splice_cells)

    @property
    def shown_jacobian_cells(self) -> list[Cell]:
        """The cells whose Jacobians a figure shows: of the fewest and of the most images, and an autoencoder."""
        levelwise = sorted((cell for cell in self._parsed(self.jacobian_cells) if cell.is_levelwise), key=_preference)
        return list(dict.fromkeys([*self._extremes(self.jacobian_cells), *levelwise[:1]]))

    @property
    def main_jacobian_cell(self) -> Cell:
        """The cell with a measured Jacobian that has the most training images."""
        return self._extremes(self.jacobian_cells)[-1]

    def _parsed(self, identifiers: Sequence[str]) -> list[Cell]:
        return [Cell.parse(self.name, identifier) for identifier in identifiers]

    def _extremes(self, identifiers: Sequence[str]) -> list[Cell]:
        cells = self._parsed(identifiers)
        fewest = min(cells, key=lambda cell: (cell.is_levelwise, cell.subset_size, _preference(cell)))
        most = min(cells, key=lambda cell: (cell.is_levelwise, -cell.subset_size, _preference(cell)))
        return list(dict.fromkeys([fewest, most]))

    def trajectories(self, cells: list[Cell], *kinds: str) -> list[str]:
        """Return the states of the 10-step Euler sampler, of cells and of reference denoisers of their subsets."""
        return [f"{identifier}/trajectories_euler10.npy" for identifier in _ids(cells, kinds)]

    @property
    def compared_samples(self) -> dict[tuple[str, str], str]:
        """Sample sets of the main network and of its linear map and empirical denoiser, by (id, solver); or none."""
        if not self.cells("size"):
            return {}
        main, solver = self.main, self.solver(self.main.id)
        sets = [(main.id, solver), (main.id, "euler10"), (f"{main.id}/linear", "euler10")]
        sets.append((f"{main.subset}/empirical", self.sampler))
        return {(name, sampler): f"{name}/samples_{sampler}.npy" for name, sampler in sets}

    @property
    def compared_trajectories(self) -> list[str]:
        """States of every denoiser of the main cell's subset, its network's first; of no size sweep, none."""
        if not self.cells("size"):
            return []
        return [
            *self.trajectories([self.main], "gaussian", "empirical"),
            f"{self.main.id}/linear/trajectories_euler10.npy",
        ]

    def outputs(self, cells: list[Cell], *kinds: str) -> list[str]:
        """Return outputs on shared inputs, of cells and of reference denoisers of their subsets."""
        return [f"{identifier}/outputs.safetensors" for identifier in _ids(cells, kinds)]

    def nearest_images(self, cells: list[Cell]) -> list[str]:
        """Return the files from which samples are drawn beside their nearest training images."""
        return [*self.samples(cells), *self.memorisation(cells), *self.training_images(cells)]

    def training_images(self, cells: list[Cell]) -> list[str]:
        """Return the files with the training images of cells."""
        return ["images.npy", *(f"{subset}/subset.npy" for subset in _subsets(cells))]


def _preference(cell: Cell) -> tuple[str, int, int, int]:
    """Return the sort key that puts the cell to show first: half a, trained longest, largest."""
    return cell.half, -cell.images_seen, -cell.scale, cell.replicate


def _distilled(dataset: Dataset, cells: list[Cell], unseen: str) -> tuple[set[str], set[str]]:
    """Return the ids of cells with linear maps on a kind of input, and of those also fitted by gradient descent.

    Gradient descent never uses ``train``.
    """
    distillation = dataset.distillation
    if unseen not in distillation.inputs:
        return set(), set()
    fitted = {cell.id for cell in distillation.cells.choose(cells)}
    descends = distillation.solver == "adam" and unseen != "train"
    return fitted, fitted & {cell.id for cell in distillation.adam.cells.choose(cells)} if descends else set()


def _subsets(cells: Sequence[Cell]) -> list[str]:
    """Return the subsets of cells, each once."""
    return list(dict.fromkeys(cell.subset for cell in cells))


def _ids(cells: Sequence[Cell], kinds: Sequence[str]) -> list[str]:
    """Return the ids of cells, and of some reference denoisers of their subsets."""
    return [*(cell.id for cell in cells), *(f"{subset}/{kind}" for subset in _subsets(cells) for kind in kinds)]
