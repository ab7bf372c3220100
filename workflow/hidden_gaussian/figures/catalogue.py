"""Which figures there are, and which files each of them is drawn from; known without importing matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hidden_gaussian.cells import Cell
from hidden_gaussian.figures.plan import Plan

HALVES = ("halves_large", "halves_small", "halves_stopped", "halves_small_scale")


def shown(cells: list[Cell]) -> list[Cell]:
    """Return the cells whose samples stand for their halves and replicates: half a, first training."""
    return [cell for cell in cells if cell.half == "a" and cell.replicate == 1]


def _extremes(cells: list[Cell]) -> list[Cell]:
    """Return a shown cell of the smallest subset and one of the largest."""
    ordered = sorted(shown(cells))
    return [ordered[0], ordered[-1]]


def _strong(plan: Plan) -> list[str]:
    cells = [cell for cell in plan.cells(*HALVES) if cell.replicate == 1]
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
    sampler, main = plan.sampler, [plan.main]
    files = [*_denoisers(plan, "samples_{}.npy", sampler, "exact"), f"{plan.main.id}/samples_euler10.npy"]
    return [*files, f"{plan.main.id}/memorisation_{sampler}.parquet", *plan.training(main)]


def _generalisation_score(plan: Plan) -> list[str]:
    cells, sampler = plan.cells("size"), plan.sampler
    exact = [f"{cell.subset}/gaussian/memorisation_exact.parquet" for cell in shown(cells)]
    networks = [f"{cell.id}/memorisation_{sampler}.parquet" for cell in cells]
    return [*networks, *plan.memorisation(shown(cells)), *exact]


@dataclass(frozen=True)
class Entry:
    """One figure: what it is called, where the paper has it, what it is drawn from.

    Attributes
    ----------
    title, paper : str
        Its caption in the report, and its number in the paper.
    sweeps : tuple of str
        Sweeps without which there is no figure.
    needs : callable
        Plan in, files below the dataset's folder out.
    also : tuple of str
        Sweeps that are shown if they are there.
    """

    title: str
    paper: str
    sweeps: tuple[str, ...]
    needs: Callable[[Plan], list[str]]
    also: tuple[str, ...] = ()


CATALOGUE: dict[str, Entry] = {
    "overview": Entry(
        "Held-out loss against closeness to the Gaussian",
        "",
        ("size",),
        lambda plan: plan.measures(plan.every, "gaussian", "empirical"),
        also=("scale", "time", *HALVES),
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
    "strong_generalisation": Entry("Networks of disjoint halves", "Fig. 9", HALVES[:2], _strong, also=HALVES[2:]),
    "generalisation_score": Entry("Generalisation score", "Fig. 13a", ("size",), _generalisation_score),
}


def available(plan: Plan) -> list[str]:
    """Return the figures for which a dataset has the sweeps."""
    return [name for name, entry in CATALOGUE.items() if set(entry.sweeps) <= set(plan.sweeps)]


def narrowed(name: str, plan: Plan) -> Plan:
    """Return what one figure may know of a dataset."""
    entry = CATALOGUE[name]
    return plan.only([*entry.sweeps, *entry.also])


def needs(name: str, plan: Plan) -> list[str]:
    """Return the files below the dataset's folder that a figure is drawn from, each once."""
    return list(dict.fromkeys(CATALOGUE[name].needs(narrowed(name, plan))))
