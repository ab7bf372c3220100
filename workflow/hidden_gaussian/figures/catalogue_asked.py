"""The figures that exist only where the settings ask for more than every study has: what each is drawn from."""

from __future__ import annotations

from collections.abc import Callable

from hidden_gaussian.plotting import Entry
from hidden_gaussian.results_index import ResultsIndex


def _extreme(*kinds: str) -> Callable[[ResultsIndex], list[str]]:
    """Return the needs of figures of the networks with the fewest and with the most training images."""

    def needs(plan: ResultsIndex) -> list[str]:
        cells = [plan.smallest, plan.main]
        return [*plan.measures(cells, *kinds), *plan.memorisation(cells)]

    return needs


def _splice(plan: ResultsIndex) -> list[str]:
    cells = plan.spliced_shown
    solvers = {cell.id: dict.fromkeys((plan.solver(cell.id), "euler10")) for cell in cells}
    files = [f"{identifier}/splice_{solver}.parquet" for identifier, chosen in solvers.items() for solver in chosen]
    return [*files, *plan.memorisation(cells), *plan.measures([])]


def _descents(plan: ResultsIndex) -> list[str]:
    cells = [plan.smallest, plan.main]
    shards = [f"{cell.id}/measures.parquet" for cell in cells]
    return [*shards, *plan.memorisation(cells), *plan.outputs([plan.main])]


def _slopes(plan: ResultsIndex) -> list[str]:
    cells = plan.sloped_shown
    ids = [*(cell.id for cell in cells), *(f"{cell.subset}/empirical" for cell in cells)]
    shards = [f"{identifier}/jacobian.parquet" for identifier in ids]
    return [*shards, f"{plan.sloped_main.id}/jacobian.safetensors", *plan.memorisation(cells), *plan.measures([])]


def _surrogates(plan: ResultsIndex) -> list[str]:
    beside = [f"../{other.name}/{path}" for other in plan.imitations for path in _surrogate(other)]
    return [*plan.measures([plan.main], "empirical"), *_surrogate(plan), *beside]


def _surrogate(plan: ResultsIndex) -> list[str]:
    main = plan.main
    files = [f"{main.id}/measures.parquet", f"{main.subset}/gaussian/measures.parquet", *plan.memorisation([main])]
    return [*files, f"{main.id}/samples_{plan.solver(main.id)}.npy", *plan.training([main])]


ENTRIES: dict[str, Entry] = {
    "analytic_models": Entry(
        "Analytic denoisers as models of the network",
        "",
        ("size",),
        _extreme("empirical", "identity", "mean"),
        asked="measured",
    ),
    "alpha_sweep": Entry(
        "Linearity by the weights of the mixture",
        "Fig. 10",
        ("size",),
        _extreme("gaussian", "empirical"),
        asked="alphas",
    ),
    "surrogates": Entry(
        "The same on random images of equal covariance", "", ("size",), _surrogates, asked="imitations"
    ),
    "splice": Entry("Samples with other denoisers at some noise levels", "", ("size",), _splice, asked="spliced"),
    "jacobian": Entry("Slopes along the sampler's way", "Fig. 28", ("size",), _slopes, asked="sloped"),
    "perturbation": Entry("Pushes along a singular vector", "Fig. 30", ("size",), _slopes, asked="sloped"),
    "distillation_course": Entry(
        "Distillation by gradient descent", "Fig. 14", ("size",), _descents, asked="descended"
    ),
}
