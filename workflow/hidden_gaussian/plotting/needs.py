"""The files that several figures need. Each function takes the index of a dataset, or returns one that does."""

from __future__ import annotations

from collections.abc import Callable

from hidden_gaussian.cells import Cell, largest, smallest
from hidden_gaussian.plotting.entry import EXTREMES, PARAMETERS, Needs, of_architectures, shown
from hidden_gaussian.results_index import ResultsIndex


def both_ends(*kinds: str, also: Callable[[ResultsIndex, list[Cell]], list[str]] = lambda *_: []) -> Needs:
    """Return the needs of figures of the networks with the fewest and the most training images; `also` adds to them."""

    def needs(index: ResultsIndex) -> list[str]:
        cells = [index.smallest, index.main]
        return [*index.measures(cells, *kinds), *also(index, cells), *index.memorisation(cells)]

    return needs


def closeness_by(sweep: str) -> Needs:
    """Return the needs of :mod:`hidden_gaussian.plotting.closeness_by`."""

    def needs(index: ResultsIndex) -> list[str]:
        cells = index.cells(sweep)
        nulls = index.measures(largest(cells), "identity", "mean")
        return [*index.measures(cells, "empirical"), *nulls, *index.nearest_images(shown(cells))]

    return needs


def sweep_panels(*kinds: str, sweeps: tuple[str, ...] = PARAMETERS) -> Needs:
    """Return the needs of :mod:`hidden_gaussian.plotting.sweep_panels`: nulls of the smallest and largest subset."""

    def needs(index: ResultsIndex) -> list[str]:
        files: list[str] = []
        for cells in filter(None, map(index.cells, sweeps)):
            files += index.measures(cells) + index.measures(largest(cells), *kinds) + index.memorisation(shown(cells))
            files += index.measures(smallest(cells), *(kind for kind in kinds if kind in EXTREMES))
        return files

    return needs


def own_references(*kinds: str, nulls: tuple[str, ...] = (), sweeps: tuple[str, ...] = PARAMETERS) -> Needs:
    """Return the needs of sweep panels that compare each cell with reference denoisers of its own subset."""

    def needs(index: ResultsIndex) -> list[str]:
        return [*sweep_panels(*nulls, sweeps=sweeps)(index), *index.measures(index.cells(*sweeps), *kinds)]

    return needs


def architecture_panels(
    wanted: Callable[[str], bool], images: Callable[[ResultsIndex, list[Cell]], list[str]], *kinds: str
) -> Needs:
    """Return the needs of :mod:`hidden_gaussian.plotting.architecture_panels`: curves, and images of one cell each."""

    def needs(index: ResultsIndex) -> list[str]:
        part = of_architectures(index, wanted)
        first: dict[str, Cell] = {}
        for cell in sorted(shown(part.cells("architecture"))):
            first.setdefault(cell.architecture, cell)
        return [*sweep_panels(*kinds, sweeps=("architecture",))(part), *images(part, list(first.values()))]

    return needs


def output_panels(index: ResultsIndex) -> list[str]:
    """Return the needs of :mod:`hidden_gaussian.plotting.output_panels`."""
    cells = shown(index.cells(*PARAMETERS))
    scores = [f"{cell.id}/memorisation_{index.solver(cell.id)}.parquet" for cell in cells]
    return [*index.outputs(cells, "gaussian", "empirical"), *scores]


def jacobians(index: ResultsIndex) -> list[str]:
    """Return the needs of figures of Jacobians."""
    cells = index.shown_jacobian_cells
    ids = [*(cell.id for cell in cells), *(f"{cell.subset}/empirical" for cell in cells)]
    shards = [f"{identifier}/jacobian.parquet" for identifier in ids]
    images = f"{index.main_jacobian_cell.id}/jacobian.safetensors"
    return [*shards, images, *index.memorisation(cells), *index.measures([])]


def every_denoiser(index: ResultsIndex, pattern: str, network: str, empirical: str, gaussian: str) -> list[str]:
    """Return one file of each denoiser of the main cell's subset; the pattern takes the name of its solver."""
    main = index.main
    ids = {main.id: network, f"{main.subset}/empirical": empirical, f"{main.subset}/gaussian": gaussian}
    ids[f"{main.id}/linear"] = "euler10"
    return [f"{identifier}/{pattern.format(solver)}" for identifier, solver in ids.items()]
