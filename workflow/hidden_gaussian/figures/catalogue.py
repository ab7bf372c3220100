"""Which figures there are, and which files each of them is drawn from; known without importing matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hidden_gaussian.cells import Cell
from hidden_gaussian.settings import Dataset

HALVES = ("halves_large", "halves_small", "halves_stopped", "halves_small_scale")


@dataclass(frozen=True)
class Plan:
    """The cells and reference denoisers of one dataset, as figures ask for them."""

    name: str
    dataset: Dataset

    def cells(self, *sweeps: str) -> list[Cell]:
        """Return the cells of some sweeps, each once."""
        return list(dict.fromkeys(cell for sweep in sweeps for cell in self.dataset.sweep(self.name, sweep)))

    @property
    def every(self) -> list[Cell]:
        """Cells of all sweeps."""
        return self.cells("size", "scale", "time", "architecture", *HALVES)

    @property
    def main(self) -> Cell:
        """The cell with the most training images, which stands for the generalising network."""
        return max(self.cells("size"), key=lambda cell: (cell.subset_size, cell.half == "a", -cell.replicate))

    @property
    def smallest(self) -> Cell:
        """The cell of the size sweep with the fewest training images."""
        return min(self.cells("size"), key=lambda cell: (cell.subset_size, cell.half, cell.replicate))

    @property
    def largest(self) -> str:
        """The largest subset, whose empirical and Gaussian denoiser tell the window W of noise levels."""
        return max(self.every, key=lambda cell: (cell.subset_size, cell.half == "a")).subset

    @property
    def photographs(self) -> bool:
        """Whether there are photographs that no network was trained on: held-out or foreign ones."""
        return bool({"heldout", "foreign"} & set(self.dataset.inputs))

    def measures(self, cells: list[Cell], *kinds: str) -> list[str]:
        """Return measurement shards of cells, of some reference denoisers of their subsets, and of what tells W."""
        subsets = dict.fromkeys(cell.subset for cell in cells)
        ids = [*(cell.id for cell in cells), *(f"{subset}/{kind}" for subset in subsets for kind in kinds)]
        return [f"{identifier}/measures.parquet" for identifier in [*ids, f"{self.largest}/empirical"]]

    def memorisation(self, cells: list[Cell]) -> list[str]:
        """Return memorisation shards of cells, and of the photographs and copies that are their nulls."""
        subsets = dict.fromkeys(cell.subset for cell in cells)
        files = [f"{cell.id}/memorisation_{self.dataset.sampler(cell)}.parquet" for cell in cells]
        return files + [f"{subset}/nulls/memorisation_photographs.parquet" for subset in subsets if self.photographs]

    def samples(self, cells: list[Cell]) -> list[str]:
        """Return sample sets of cells and of their Gaussians."""
        subsets = dict.fromkeys(cell.subset for cell in cells)
        files = [f"{cell.id}/samples_{self.dataset.sampler(cell)}.npy" for cell in cells]
        return files + [f"{subset}/gaussian/samples_exact.npy" for subset in subsets]

    def agreement(self, cells: list[Cell]) -> list[str]:
        """Return agreement shards of half a: cells and reference denoisers, each compared with half b."""
        sampler = self.dataset.sampling.sampler
        first = [cell for cell in cells if cell.half == "a"]
        subsets = dict.fromkeys(cell.subset for cell in first)
        files = [f"{cell.id}/agreement_{self.dataset.sampler(cell)}.parquet" for cell in first]
        files += [f"{subset}/gaussian/agreement_exact.parquet" for subset in subsets]
        return files + [f"{subset}/empirical/agreement_{sampler}.parquet" for subset in subsets]

    def strips(self, cells: list[Cell]) -> list[str]:
        """Return what a strip of samples with nearest training images is drawn from."""
        return [*self.samples(cells), *self.memorisation(cells), *self.training(cells)]

    def training(self, cells: list[Cell]) -> list[str]:
        """Return the training images of cells."""
        return ["images.npy", *(f"{subset}/subset.npy" for subset in dict.fromkeys(cell.subset for cell in cells))]


def first_replicates(cells: list[Cell]) -> list[Cell]:
    """Return the cells of the first replicate of each network: a file where there is one, else the first training."""
    first: dict[tuple[str, str, int], int] = {}
    for cell in cells:
        network = (cell.subset, cell.architecture, cell.scale)
        first[network] = min(cell.replicate, first.get(network, cell.replicate))
    return [cell for cell in cells if cell.replicate == first[cell.subset, cell.architecture, cell.scale]]


def shown(cells: list[Cell]) -> list[Cell]:
    """Return the cells whose samples stand for their halves and replicates: half a, first replicate."""
    return [cell for cell in first_replicates(cells) if cell.half == "a"]


def _extremes(cells: list[Cell]) -> list[Cell]:
    """Return a shown cell of the smallest subset and one of the largest."""
    ordered = sorted(shown(cells))
    return [ordered[0], ordered[-1]]


def _strong(plan: Plan) -> list[str]:
    cells = first_replicates(plan.cells(*HALVES))
    return [*plan.strips(cells), *plan.agreement(plan.cells(*HALVES))]


def _sweep(sweep: str) -> Callable[[Plan], list[str]]:
    def needs(plan: Plan) -> list[str]:
        cells = plan.cells(sweep)
        largest = _extremes(cells)[-1:]
        nulls = plan.measures(largest, "identity", "mean")
        return [*plan.measures(cells, "empirical"), *nulls, *plan.strips(shown(cells))]

    return needs


def _linearity(plan: Plan) -> list[str]:
    cells = plan.cells("size")
    small, large = _extremes(cells)
    nulls = plan.measures([large], "empirical", "gaussian", "identity")
    return [*plan.measures(cells), *plan.measures([small], "empirical"), *nulls, *plan.memorisation(shown(cells))]


def _memorisation(plan: Plan) -> list[str]:
    cells = [plan.main, plan.smallest]
    return [*plan.measures(cells, "empirical", "identity", "mean"), *plan.memorisation(cells)]


def _denoisers(plan: Plan, pattern: str, sampler: str, exact: str) -> list[str]:
    main = plan.main
    ids = {main.id: sampler, f"{main.subset}/empirical": sampler, f"{main.subset}/gaussian": exact}
    ids[f"{main.id}/linear"] = "euler10"
    return [f"{identifier}/{pattern.format(name)}" for identifier, name in ids.items()]


def _samples(plan: Plan) -> list[str]:
    sampler, main = plan.dataset.sampling.sampler, [plan.main]
    files = [*_denoisers(plan, "samples_{}.npy", sampler, "exact"), f"{plan.main.id}/samples_euler10.npy"]
    return [*files, f"{plan.main.id}/memorisation_{sampler}.parquet", *plan.training(main)]


def _generalisation_score(plan: Plan) -> list[str]:
    cells = plan.cells("size")
    exact = [f"{cell.subset}/gaussian/memorisation_exact.parquet" for cell in shown(cells)]
    networks = [f"{cell.id}/memorisation_{plan.dataset.sampler(cell)}.parquet" for cell in cells]
    return [*networks, *plan.memorisation(shown(cells)), *exact]


@dataclass(frozen=True)
class Entry:
    """One figure: what it is called, where the paper has it, which sweeps must exist, what it is drawn from."""

    title: str
    paper: str
    sweeps: tuple[str, ...]
    needs: Callable[[Plan], list[str]]


CATALOGUE: dict[str, Entry] = {
    "overview": Entry(
        "Held-out loss against closeness to the Gaussian",
        "",
        ("size",),
        lambda plan: plan.measures(plan.every, "gaussian", "empirical"),
    ),
    "linearity": Entry("Linearity against noise level", "Fig. 1", ("size",), _linearity),
    "denoiser_distance": Entry(
        "Distance between denoisers",
        "Fig. 2 left",
        ("size",),
        lambda plan: plan.measures([plan.main], "empirical", "identity", "mean"),
    ),
    "denoising_outputs": Entry(
        "Outputs along the sampler's way",
        "Fig. 2 right",
        ("size",),
        lambda plan: _denoisers(plan, "trajectories_{}.npy", "euler10", "euler10"),
    ),
    "samples": Entry("Samples of shared noise", "Fig. 3", ("size",), _samples),
    "linear_weights": Entry(
        "Distilled weights against the Gaussian's",
        "Fig. 4 left",
        ("size",),
        lambda plan: plan.measures([plan.main, plan.smallest], "empirical"),
    ),
    "memorisation": Entry("Memorising and generalising networks", "Fig. 5a", ("size",), _memorisation),
    "dataset_size": Entry("Closeness to the Gaussian by training images", "Fig. 6", ("size",), _sweep("size")),
    "model_scale": Entry("Closeness to the Gaussian by scale", "Fig. 7", ("scale",), _sweep("scale")),
    "training_time": Entry("Closeness to the Gaussian by images seen", "Fig. 8", ("time",), _sweep("time")),
    "strong_generalisation": Entry("Networks of disjoint halves", "Fig. 9", ("halves_large", "halves_small"), _strong),
    "generalisation_score": Entry("Generalisation score", "Fig. 13a", ("size",), _generalisation_score),
}


def available(dataset: Dataset) -> list[str]:
    """Return the figures for which a dataset has the sweeps."""
    return [
        name
        for name, entry in CATALOGUE.items()
        if all(getattr(dataset.grid.sweeps, sweep) is not None for sweep in entry.sweeps)
    ]


def needs(name: str, dataset_name: str, dataset: Dataset) -> list[str]:
    """Return the files below the dataset's folder that a figure is drawn from, each once."""
    return list(dict.fromkeys(CATALOGUE[name].needs(Plan(dataset_name, dataset))))
