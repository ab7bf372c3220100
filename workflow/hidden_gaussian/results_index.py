"""The cells and files of one dataset, as figures and tables ask for them; known without importing matplotlib."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hidden_gaussian.cells import Cell
from hidden_gaussian.reference_names import possible
from hidden_gaussian.settings import Dataset, unseen

INPUT_NAMES = {"heldout": "held-out", "foreign": "foreign", "train": "training"}


@dataclass(frozen=True)
class ResultsIndex:
    """What there is of one dataset, as figures ask for it.

    Attributes
    ----------
    name : str
        The dataset's.
    sweeps : mapping of str to sequence of str
        Ids of the cells of each sweep.
    largest : str
        The largest subset of the sweeps, or of the grid where there are none: its empirical and Gaussian denoiser tell
        the window W of noise levels.
    inputs : sequence of str
        Kinds of clean image that are measured.
    sampler : str
        Solver of the networks' sample sets.
    shape : sequence of int
        Channels, height and width of an image.
    trained : mapping of str to float
        ``warmup`` in images, ``p_mean`` and ``p_std`` of ln sigma.
    spliced : sequence of str
        Ids of the cells that are sampled with another denoiser at some noise levels.
    measured, sampled : sequence of str
        Further reference denoisers of every subset, such as ``stationary``.
    alphas : sequence of float
        Weights of the pairs of the linearity scores, where there are several.
    distilled, descended : bool
        Whether the smallest and the largest of the size sweep are distilled, and by gradient descent as well.
    sloped : sequence of str
        Ids of the cells whose local slopes are measured.
    imitations : sequence of ResultsIndex
        The study's datasets of random images that imitate this one's, with their size sweeps only.
    """

    name: str
    sweeps: Mapping[str, Sequence[str]]
    largest: str
    inputs: Sequence[str]
    sampler: str
    shape: Sequence[int]
    trained: Mapping[str, float]
    spliced: Sequence[str] = ()
    measured: Sequence[str] = ()
    sampled: Sequence[str] = ()
    alphas: Sequence[float] = ()
    distilled: bool = False
    descended: bool = False
    sloped: Sequence[str] = ()
    imitations: Sequence[ResultsIndex] = ()

    @classmethod
    def of(cls, name: str, dataset: Dataset, study: Mapping[str, Dataset] | None = None) -> ResultsIndex:
        """Return the plan of a dataset with all its sweeps, and of those datasets of the study that imitate it."""
        sweeps = dataset.sweeps(name)
        cells = [cell for chosen in sweeps.values() for cell in chosen] or dataset.cells(name)
        largest = max(cells, key=lambda cell: (cell.subset_size, cell.half == "a")).subset
        ids = {sweep: [cell.id for cell in chosen] for sweep, chosen in sweeps.items()}
        shape = (dataset.channels, dataset.resolution, dataset.resolution)
        trained = {key: float(getattr(dataset.training, key)) for key in ("warmup", "p_mean", "p_std")}
        cells = dataset.cells(name)
        measures, sampling = dataset.measures, dataset.sampling
        plan = cls(
            name,
            ids,
            largest,
            dataset.inputs,
            sampling.sampler,
            shape,
            trained,
            spliced=[cell.id for cell in sampling.splice.choose(cells)] if sampling.splice else [],
            measured=measures.references,
            sampled=sampling.references,
            alphas=measures.alphas if len(measures.alphas) > 1 else (),
            sloped=[cell.id for cell in measures.jacobian.cells.choose(cells)] if measures.jacobian else [],
            imitations=[
                cls.of(other, imitating).only(["size"])
                for other, imitating in (study or {}).items()
                if imitating.source.of == name and imitating.sweeps(other).get("size")
            ],
        )
        distilled, descended = (plan._has_ends(chosen) for chosen in _distilled(dataset, cells, plan.unseen))
        return replace(plan, distilled=distilled, descended=descended)

    def _has_ends(self, chosen: Collection[str]) -> bool:
        """Return whether the smallest and the largest of the size sweep are among some cells."""
        return bool(self.cells("size")) and {self.smallest.id, self.main.id} <= set(chosen)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> ResultsIndex:
        """Return a plan from what :func:`dataclasses.asdict` made of it."""
        return cls(**{**content, "imitations": [cls.read(one) for one in content["imitations"]]})

    def only(self, sweeps: Collection[str]) -> ResultsIndex:
        """Return the plan without the other sweeps, so that a figure does not depend on cells it does not show."""
        return replace(self, sweeps={name: ids for name, ids in self.sweeps.items() if name in sweeps})

    def cells(self, *sweeps: str) -> list[Cell]:
        """Return the cells of some sweeps, each once; of a sweep that is not there, none."""
        ids = dict.fromkeys(identifier for sweep in sweeps for identifier in self.sweeps.get(sweep, ()))
        return [Cell.parse(self.name, identifier) for identifier in ids]

    @property
    def every(self) -> list[Cell]:
        """Cells of all sweeps."""
        return self.cells(*self.sweeps)

    @property
    def main(self) -> Cell:
        """The cell with the most training images, which stands for the generalising network."""
        return max(self.cells("size"), key=lambda cell: (cell.subset_size, cell.half == "a", -cell.replicate))

    @property
    def smallest(self) -> Cell:
        """The cell of the size sweep with the fewest training images."""
        return min(self.cells("size"), key=lambda cell: (cell.subset_size, cell.half, cell.replicate))

    @property
    def unseen(self) -> str:
        """Kind of clean image that no network was trained on, or ``train`` where there is none."""
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
        """Return the solver of a network's sample sets: one that visits only levels where it is defined."""
        return "euler10" if Cell.parse(self.name, identifier).is_levelwise else self.sampler

    def measures(self, cells: list[Cell], *kinds: str) -> list[str]:
        """Return measurement shards of cells, of some reference denoisers of their subsets, and of what tells W."""
        return [f"{identifier}/measures.parquet" for identifier in [*_ids(cells, kinds), f"{self.largest}/empirical"]]

    def memorisation(self, cells: list[Cell]) -> list[str]:
        """Return memorisation shards of cells, and of the photographs and copies that are their nulls."""
        subsets = dict.fromkeys(cell.subset for cell in cells)
        files = [f"{cell.id}/memorisation_{self.solver(cell.id)}.parquet" for cell in cells]
        return files + [f"{subset}/nulls/memorisation_photographs.parquet" for subset in subsets if self.photographs]

    def samples(self, cells: list[Cell]) -> list[str]:
        """Return sample sets of cells and of their Gaussians."""
        subsets = dict.fromkeys(cell.subset for cell in cells)
        files = [f"{cell.id}/samples_{self.solver(cell.id)}.npy" for cell in cells]
        return files + [f"{subset}/gaussian/samples_exact.npy" for subset in subsets]

    def agreement(self, cells: list[Cell]) -> list[str]:
        """Return agreement shards of half a: cells and reference denoisers, each compared with half b."""
        first = [cell for cell in cells if cell.half == "a"]
        subsets = dict.fromkeys(cell.subset for cell in first)
        files = [f"{cell.id}/agreement_{self.solver(cell.id)}.parquet" for cell in first]
        files += [f"{subset}/gaussian/agreement_exact.parquet" for subset in subsets]
        return files + [f"{subset}/empirical/agreement_{self.sampler}.parquet" for subset in subsets]

    def references(self, cells: list[Cell]) -> list[str]:
        """Return shards of the listed reference denoisers of cells' subsets: measured, and sampled for half a."""
        subsets = dict.fromkeys(cell.subset for cell in cells)
        measured = [name for subset in subsets for name in possible(self.measured, subset)]
        sampled = [name for subset in subsets for name in possible(self.sampled, subset)]
        files = [f"{identifier}/measures.parquet" for identifier in measured]
        files += [f"{identifier}/memorisation_{self.sampler}.parquet" for identifier in sampled]
        first = [identifier for identifier in sampled if identifier.split("/")[0].endswith("a")]
        return files + [f"{identifier}/agreement_{self.sampler}.parquet" for identifier in first]

    def moments(self, cells: list[Cell]) -> list[str]:
        """Return moment shards of cells, of their Gaussians, and of the photographs and copies that are their nulls."""
        subsets = dict.fromkeys(cell.subset for cell in cells)
        files = [f"{cell.id}/moments_{self.solver(cell.id)}.parquet" for cell in cells]
        files += [f"{subset}/gaussian/moments_exact.parquet" for subset in subsets]
        return files + [f"{subset}/nulls/moments_photographs.parquet" for subset in subsets if self.photographs]

    @property
    def splices(self) -> list[str]:
        """Return splice shards: of the sampler, and of Euler's, at whose levels linear maps exist."""
        return [
            f"{cell}/splice_{sampler}.parquet"
            for cell in self.spliced
            for sampler in dict.fromkeys((self.solver(cell), "euler10"))
        ]

    @property
    def spliced_shown(self) -> list[Cell]:
        """Spliced cells that stand for all: with the fewest and with the most training images."""
        return self._extremes(self.spliced)

    @property
    def sloped_shown(self) -> list[Cell]:
        """Cells with local slopes that stand for all: of the fewest and the most images, and an autoencoder."""
        levelwise = sorted((cell for cell in self._parsed(self.sloped) if cell.is_levelwise), key=_standing)
        return list(dict.fromkeys([*self._extremes(self.sloped), *levelwise[:1]]))

    @property
    def sloped_main(self) -> Cell:
        """The cell with local slopes that has the most training images."""
        return self._extremes(self.sloped)[-1]

    def _parsed(self, identifiers: Sequence[str]) -> list[Cell]:
        return [Cell.parse(self.name, identifier) for identifier in identifiers]

    def _extremes(self, identifiers: Sequence[str]) -> list[Cell]:
        cells = self._parsed(identifiers)
        fewest = min(cells, key=lambda cell: (cell.is_levelwise, cell.subset_size, _standing(cell)))
        most = min(cells, key=lambda cell: (cell.is_levelwise, -cell.subset_size, _standing(cell)))
        return list(dict.fromkeys([fewest, most]))

    def ways(self, cells: list[Cell], *kinds: str) -> list[str]:
        """Return the states of the 10-step Euler sampler, of cells and of reference denoisers of their subsets."""
        return [f"{identifier}/trajectories_euler10.npy" for identifier in _ids(cells, kinds)]

    def outputs(self, cells: list[Cell], *kinds: str) -> list[str]:
        """Return outputs on shared inputs, of cells and of reference denoisers of their subsets."""
        return [f"{identifier}/outputs.safetensors" for identifier in _ids(cells, kinds)]

    def strips(self, cells: list[Cell]) -> list[str]:
        """Return what a strip of samples with nearest training images is drawn from."""
        return [*self.samples(cells), *self.memorisation(cells), *self.training(cells)]

    def training(self, cells: list[Cell]) -> list[str]:
        """Return the training images of cells."""
        return ["images.npy", *(f"{subset}/subset.npy" for subset in dict.fromkeys(cell.subset for cell in cells))]


def _standing(cell: Cell) -> tuple[str, int, int, int]:
    """Return what cells are ordered by, so that the first stands for the others: half a, trained longest, largest."""
    return cell.half, -cell.images_seen, -cell.scale, cell.replicate


def _distilled(dataset: Dataset, cells: list[Cell], unseen: str) -> tuple[set[str], set[str]]:
    """Return the ids of cells with linear maps of a kind of input, and of those descended to, never on ``train``."""
    distillation = dataset.distillation
    if unseen not in distillation.inputs:
        return set(), set()
    fitted = {cell.id for cell in distillation.cells.choose(cells)}
    if distillation.solver != "adam" or unseen == "train":
        return fitted, set()
    return fitted, fitted & {cell.id for cell in distillation.adam.cells.choose(cells)}


def _ids(cells: Sequence[Cell], kinds: Sequence[str]) -> list[str]:
    """Return the ids of cells, and of some reference denoisers of their subsets."""
    subsets = dict.fromkeys(cell.subset for cell in cells)
    return [*(cell.id for cell in cells), *(f"{subset}/{kind}" for subset in subsets for kind in kinds)]
