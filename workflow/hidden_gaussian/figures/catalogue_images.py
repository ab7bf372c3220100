"""The figures of samples and outputs: which files each of them is drawn from."""

from __future__ import annotations

from collections.abc import Callable

from hidden_gaussian.cells import Cell
from hidden_gaussian.figures.catalogue_measures import along
from hidden_gaussian.plotting import (
    BASELINES,
    HALVES,
    VARIED,
    Entry,
    is_edm,
    of_architectures,
    of_one_level,
    shown,
    whole,
)
from hidden_gaussian.results_index import ResultsIndex


def _agreement(plan: ResultsIndex) -> list[str]:
    sampler, cells = plan.sampler, plan.cells("size", *HALVES)
    files = [f"{cell.id}/agreement_{plan.solver(cell.id)}.parquet" for cell in cells if cell.half == "a"]
    present = {cell.subset for cell in cells}
    for subset in sorted(name for name in present if name.endswith("a") and f"{name[:-1]}b" in present):
        files += [f"{subset}/gaussian/agreement_exact.parquet", f"{subset}/empirical/agreement_{sampler}.parquet"]
        files += [f"{subset}/stationary/agreement_{sampler}.parquet"] if "stationary" in plan.sampled else []
    return [*files, *plan.memorisation(shown(whole(plan)))]


def _regimes(plan: ResultsIndex) -> list[str]:
    return plan.strips(shown(plan.cells("size")))


def _moments(plan: ResultsIndex) -> list[str]:
    cells = shown(plan.cells("size"))
    return [*plan.moments(cells), *plan.memorisation(cells)]


def _outputs(plan: ResultsIndex) -> list[str]:
    cells = shown(plan.cells(*VARIED))
    return [*plan.outputs(cells, "gaussian", "empirical"), *_scores(plan, cells)]


def _scores(plan: ResultsIndex, cells: list[Cell]) -> list[str]:
    return [f"{cell.id}/memorisation_{plan.solver(cell.id)}.parquet" for cell in cells]


def _by_scale(plan: ResultsIndex) -> list[str]:
    cells = plan.cells("scale")
    measured = plan.measures(cells, "empirical", "mean")
    return [*measured, *plan.memorisation(shown(cells)), *plan.outputs(shown(cells), "gaussian", "empirical")]


def _other_datasets(plan: ResultsIndex) -> list[str]:
    main, sampler = plan.main, plan.sampler
    files = [*plan.samples([main]), f"{main.subset}/empirical/samples_{sampler}.npy"]
    files += [f"{main.id}/linear/samples_euler10.npy", f"{main.id}/linear/trajectories_euler10.npy"]
    files += plan.ways([main], "gaussian", "empirical")
    return [*files, *plan.memorisation([main]), *plan.training([main])]


def _compared(
    wanted: Callable[[str], bool], images: Callable[[ResultsIndex, list[Cell]], list[str]], *kinds: str
) -> Callable[[ResultsIndex], list[str]]:
    def needs(plan: ResultsIndex) -> list[str]:
        part = of_architectures(plan, wanted)
        return [*along(*kinds, sweeps=("architecture",))(part), *images(part, _first(part))]

    return needs


def _first(plan: ResultsIndex) -> list[Cell]:
    """Return the cell that stands for each architecture."""
    found: dict[str, Cell] = {}
    for cell in sorted(shown(plan.cells("architecture"))):
        found.setdefault(cell.architecture, cell)
    return list(found.values())


ENTRIES: dict[str, Entry] = {
    "agreement": Entry("Agreement of halves by training images", "", ("size",), _agreement, also=HALVES),
    "regimes": Entry("Samples and their nearest training images", "Fig. 12", ("size",), _regimes),
    "score_thresholds": Entry(
        "Copies by threshold",
        "rebuttal R1",
        ("size",),
        lambda plan: plan.memorisation(shown(plan.cells("size"))),
    ),
    "moments": Entry("Moments of samples", "", ("size",), _moments),
    "sampler_error": Entry(
        "Error of the samplers", "", ("size",), lambda plan: [f"{plan.largest}/sampler_error.parquet"]
    ),
    "high_noise": Entry("Outputs at high noise", "Fig. 17", ("size",), _outputs, also=VARIED[1:]),
    "outputs_sigma4": Entry("Outputs at sigma = 4", "Fig. 18", ("size",), _outputs, also=VARIED[1:]),
    "outputs_by_scale": Entry("Outputs by scale", "rebuttal R2", ("scale",), _by_scale),
    "other_datasets": Entry("Samples and outputs of every denoiser", "Fig. 25", ("size",), _other_datasets),
    "architectures": Entry(
        "Architectures",
        "Fig. 22, 23",
        ("architecture",),
        _compared(is_edm, lambda plan, cells: plan.samples(cells), "empirical", "mean"),
        architectures=("vp", "adm"),
    ),
    "baseline_parametrisation": Entry(
        "With and without preconditioning",
        "Fig. 11",
        ("architecture",),
        _compared(
            lambda name: name in BASELINES,
            lambda plan, cells: [*plan.ways(cells, "gaussian"), f"{cells[0].id}/linear/trajectories_euler10.npy"],
            "empirical",
            "gaussian",
        ),
        architectures=("ve-baseline",),
    ),
    "autoencoders": Entry(
        "One network a noise level",
        "Fig. 24",
        ("architecture",),
        _compared(
            of_one_level,
            lambda plan, cells: plan.ways(cells, "gaussian"),
            "empirical",
            "mean",
        ),
        architectures=("dae-",),
    ),
}
