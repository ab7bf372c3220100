"""Which figures there are, and which files each of them is drawn from; known without importing matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hidden_gaussian.cells import largest, smallest
from hidden_gaussian.errors import InputError
from hidden_gaussian.figures import catalogue_asked, catalogue_images, catalogue_measures
from hidden_gaussian.plotting import HALVES, Entry, first_replicates, shown, untrained
from hidden_gaussian.results_index import ResultsIndex


def _strong(plan: ResultsIndex) -> list[str]:
    cells = first_replicates(plan.cells(*HALVES))
    return [*plan.strips(cells), *plan.agreement(plan.cells(*HALVES))]


def _sweep(sweep: str) -> Callable[[ResultsIndex], list[str]]:
    def needs(plan: ResultsIndex) -> list[str]:
        cells = plan.cells(sweep)
        nulls = plan.measures(largest(cells), "identity", "mean")
        return [*plan.measures(cells, "empirical"), *nulls, *plan.strips(shown(cells))]

    return needs


def _linearity(plan: ResultsIndex) -> list[str]:
    cells = plan.cells("size")
    nulls = plan.measures(largest(cells), "empirical", "gaussian", "identity")
    own = plan.measures([*cells, *untrained(plan)])
    return [*own, *plan.measures(smallest(cells), "empirical"), *nulls, *plan.memorisation(shown(cells))]


def _memorisation(plan: ResultsIndex) -> list[str]:
    cells = [plan.main, plan.smallest]
    outputs = plan.outputs(cells, "gaussian", "empirical")
    return [*plan.measures(cells, "empirical", "identity", "mean"), *_scores(plan), *outputs]


def _scores(plan: ResultsIndex) -> list[str]:
    return plan.memorisation([plan.main, plan.smallest])


def _denoisers(plan: ResultsIndex, pattern: str, network: str, empirical: str, exact: str) -> list[str]:
    main = plan.main
    ids = {main.id: network, f"{main.subset}/empirical": empirical, f"{main.subset}/gaussian": exact}
    ids[f"{main.id}/linear"] = "euler10"
    return [f"{identifier}/{pattern.format(name)}" for identifier, name in ids.items()]


def _samples(plan: ResultsIndex) -> list[str]:
    main, solver = plan.main, plan.solver(plan.main.id)
    files = [*_denoisers(plan, "samples_{}.npy", solver, plan.sampler, "exact"), f"{main.id}/samples_euler10.npy"]
    return [*files, f"{main.id}/memorisation_{solver}.parquet", *plan.training([main])]


def _generalisation_score(plan: ResultsIndex) -> list[str]:
    cells = plan.cells("size")
    subsets = dict.fromkeys(cell.subset for cell in cells)
    exact = [f"{subset}/gaussian/memorisation_exact.parquet" for subset in subsets]
    return [*plan.memorisation(cells), *exact]


CATALOGUE: dict[str, Entry] = {
    "overview": Entry(
        "Loss against closeness to the Gaussian",
        "",
        ("size",),
        lambda plan: [*plan.measures(plan.every, "gaussian", "empirical"), *plan.memorisation(plan.every)],
        also=("scale", "time", *HALVES, "architecture", "clock"),
    ),
    "linearity": Entry("Linearity against noise level", "Fig. 1", ("size",), _linearity, also=("time", "clock")),
    "denoiser_distance": Entry(
        "Distance between denoisers",
        "Fig. 2 left",
        ("size",),
        lambda plan: [
            *plan.measures([plan.main], "empirical", "identity", "mean"),
            *plan.memorisation([plan.main]),
        ],
    ),
    "denoising_outputs": Entry(
        "Outputs along the sampler's way",
        "Fig. 2 right",
        ("size",),
        lambda plan: _denoisers(plan, "trajectories_{}.npy", "euler10", "euler10", "euler10"),
    ),
    "samples": Entry("Samples of shared noise", "Fig. 3", ("size",), _samples),
    "linear_weights": Entry(
        "Distilled weights against the Gaussian's",
        "Fig. 4 left",
        ("size",),
        lambda plan: [*plan.measures([plan.main, plan.smallest], "empirical"), *_scores(plan)],
        asked="distilled",
    ),
    "singular_vectors": Entry(
        "Singular vectors of the distilled maps",
        "Fig. 4 right",
        ("size",),
        lambda plan: [*plan.measures([plan.main, plan.smallest], "empirical"), *_scores(plan)],
        asked="distilled",
    ),
    "memorisation": Entry("Memorising and generalising networks", "Fig. 5", ("size",), _memorisation),
    "dataset_size": Entry("Closeness to the Gaussian by training images", "Fig. 6", ("size",), _sweep("size")),
    "model_scale": Entry("Closeness to the Gaussian by scale", "Fig. 7", ("scale",), _sweep("scale")),
    "training_time": Entry("Closeness to the Gaussian by images seen", "Fig. 8", ("time",), _sweep("time")),
    "strong_generalisation": Entry("Networks of disjoint halves", "Fig. 9", HALVES[:2], _strong, also=HALVES[2:]),
    "generalisation_score": Entry("Generalisation score", "Fig. 13a", ("size",), _generalisation_score),
    **catalogue_measures.ENTRIES,
    **catalogue_images.ENTRIES,
    **catalogue_asked.ENTRIES,
}


def available(plan: ResultsIndex) -> list[str]:
    """Return the figures for which a dataset has what they need."""
    return [name for name, entry in CATALOGUE.items() if not entry.lacks(plan)]


def narrowed(name: str, plan: ResultsIndex) -> ResultsIndex:
    """Return what one figure may know of a dataset."""
    entry = CATALOGUE[name]
    known = plan.only([*entry.sweeps, *entry.also])
    return known if entry.asked == "imitations" else replace(known, imitations=())


def needs(name: str, plan: ResultsIndex) -> list[str]:
    """Return the files below the dataset's folder that a figure is drawn from, each once.

    Raises
    ------
    InputError
        If the settings lack what the figure needs.
    """
    entry = CATALOGUE[name]
    if lacking := entry.lacks(plan):
        raise InputError(
            f"there is no figure '{name}' of dataset '{plan.name}': the settings have no {' and no '.join(lacking)}, "
            "which it is drawn from; add that, or ask for another figure"
        )
    return list(dict.fromkeys(entry.needs(narrowed(name, plan))))
