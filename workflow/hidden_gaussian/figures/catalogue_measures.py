"""The figures of measures over noise levels and along sweeps: which files each of them is drawn from."""

from __future__ import annotations

from collections.abc import Callable

from hidden_gaussian.cells import largest, smallest
from hidden_gaussian.plotting import EXTREMES, VARIED, Entry, alike, of_architectures, of_one_level, shown
from hidden_gaussian.results_index import ResultsIndex


def along(*kinds: str, sweeps: tuple[str, ...] = VARIED) -> Callable[[ResultsIndex], list[str]]:
    """Return the needs of :mod:`hidden_gaussian.plotting.sweep_panels`: nulls of the extreme subsets."""

    def needs(plan: ResultsIndex) -> list[str]:
        files: list[str] = []
        for cells in filter(None, map(plan.cells, sweeps)):
            files += plan.measures(cells) + plan.measures(largest(cells), *kinds) + plan.memorisation(shown(cells))
            files += plan.measures(smallest(cells), *(kind for kind in kinds if kind in EXTREMES))
        return files

    return needs


def with_own(
    *kinds: str, nulls: tuple[str, ...] = (), sweeps: tuple[str, ...] = VARIED
) -> Callable[[ResultsIndex], list[str]]:
    """Return the needs of figures that divide by measures of the reference denoisers of every cell's subset."""

    def needs(plan: ResultsIndex) -> list[str]:
        return [*along(*nulls, sweeps=sweeps)(plan), *plan.measures(plan.cells(*sweeps), *kinds)]

    return needs


def _training_clock(plan: ResultsIndex) -> list[str]:
    cells = alike(plan)
    return [*plan.measures(cells, "empirical"), *plan.memorisation(shown(cells))]


def _normalised(plan: ResultsIndex) -> list[str]:
    autoencoders = [cell for cell in plan.cells("architecture") if cell.is_levelwise][:1]
    cells = [plan.main, *autoencoders]
    return [*plan.measures([plan.main], "empirical", "mean"), *plan.measures(autoencoders), *plan.memorisation(cells)]


def _high_noise_training(plan: ResultsIndex) -> list[str]:
    files = with_own("empirical", sweeps=VARIED[1:])(plan)
    if any(cell.is_levelwise for cell in plan.cells("architecture")):
        files += along(sweeps=("architecture",))(of_architectures(plan, of_one_level))
    return files


ENTRIES: dict[str, Entry] = {
    "position": Entry(
        "Between the Gaussian and the empirical denoiser",
        "",
        ("size",),
        with_own("empirical", nulls=("mean",)),
        also=VARIED[1:],
    ),
    "energy_split": Entry(
        "Linear mismatch and non-linear part",
        "",
        ("size",),
        with_own("empirical", nulls=("empirical",)),
        also=VARIED[1:],
    ),
    "loss_gap": Entry(
        "Loss on training and on held-out images",
        "",
        ("size",),
        with_own("gaussian", nulls=("empirical",)),
        also=VARIED[1:],
        inputs=("train", "heldout"),
    ),
    "training_clock": Entry(
        "Closeness to the Gaussian by images seen, for several sizes",
        "",
        ("time",),
        _training_clock,
        also=("size", "clock"),
    ),
    "distillation_inputs": Entry(
        "Distilled maps by the images they are fitted to",
        "",
        ("size",),
        with_own("empirical", sweeps=("size",)),
        asked="distilled",
    ),
    "high_noise_training": Entry(
        "Training at high noise",
        "",
        ("scale",),
        _high_noise_training,
        also=("time", "architecture"),
    ),
    "normalised_distance": Entry(
        "Distances in four normalisations", "Fig. 27", ("size",), _normalised, also=("architecture",)
    ),
    "residual_linearity": Entry(
        "Linearity of the residual", "rebuttal R3", ("size",), along("empirical", "gaussian", sweeps=("size",))
    ),
    "identity_distance": Entry(
        "Distance to the identity",
        "Fig. 15",
        ("size",),
        with_own("identity", nulls=("gaussian", "empirical"), sweeps=("size", "architecture")),
        also=("architecture",),
    ),
    "low_noise": Entry(
        "Distance to the Gaussian at low noise",
        "Fig. 16",
        ("size",),
        with_own("identity", sweeps=VARIED[:2]),
        also=("scale",),
    ),
}
