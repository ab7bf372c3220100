"""Networks of disjoint halves, started from the same latents: generalising, memorising, stopped early, small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import (
    HALVES,
    LOOKS,
    Copying,
    Entry,
    FigureData,
    first_pair,
    first_replicates,
    image_grid,
    nearest_images,
    pairs,
    style,
)
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LATENTS = 6
NAMES = {
    "halves_large": "large sets",
    "halves_small": "small sets",
    "halves_stopped": "stopped early",
    "halves_small_scale": "small networks",
}
LABELS = ("nearest in a", "network a", "network b", "nearest in b", "Gaussian a", "Gaussian b")


def _needs(index: ResultsIndex) -> list[str]:
    cells = index.cells(*HALVES)
    return [*index.nearest_images(first_replicates(cells)), *index.agreement(cells)]


ENTRY = Entry("Networks of disjoint halves", "Fig. 9", HALVES[:2], _needs, also=HALVES[2:])


def draw(data: FigureData) -> Figure:
    """Return the figure: samples of both halves case by case, and how well they agree."""
    cases = {name: sorted(cells) for name in HALVES if (cells := data.index.cells(name))}
    rows = len(HALVES) // 2
    heights = [2.45 if {HALVES[2 * row], HALVES[2 * row + 1]} & set(cases) else 0.3 for row in range(rows)]
    figure = style.new(sum(heights) + 2.1)
    grid = figure.add_gridspec(rows + 1, 2, height_ratios=[*heights, 1.7])
    for place, name in enumerate(HALVES):
        axes = figure.add_subplot(grid[place // 2, place % 2])
        if name not in cases:
            style.absent(axes, f"grid.sweeps.{name}")
            continue
        _case(axes, data, cases[name])
        style.letter(axes, "abcd"[place], f"{NAMES[name]}, $N$ = {cases[name][0].subset_size:,}")
    axes = figure.add_subplot(grid[rows, :])
    _agreement(axes, data, cases)
    style.letter(axes, "e", "agreement of samples of the same latent")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _case(axes: Axes, data: FigureData, cells: list[Cell]) -> None:
    first, second = first_pair(cells)
    a, b = (np.asarray(data.samples(cell.id, data.index.solver(cell.id))[:LATENTS]) for cell in (first, second))
    gaussians = [data.samples(f"{cell.subset}/gaussian", "exact")[:LATENTS] for cell in (first, second)]
    nearest = [nearest_images(data, cell.id, len(a)) for cell in (first, second)]
    image_grid.grid(axes, np.stack([nearest[0], a, b, nearest[1], *gaussians]), rows=LABELS)
    scores = " | ".join(Copying.of(data, cell.id).text for cell in (first, second))
    axes.set_xlabel(rf"$f_{{\mathrm{{mem}}}}$, GL:  {scores}", fontsize=7)


def _agreement(axes: Axes, data: FigureData, cases: dict[str, list[Cell]]) -> None:
    for place, cells in enumerate(cases.values()):
        for kind, curve in pairs(data, cells):
            axes.errorbar(
                [place + 0.13 * (list(LOOKS).index(kind) - 2)],
                curve.value,
                [curve.value - curve.low, curve.high - curve.value],
                linestyle="",
                elinewidth=1,
                label=kind if place == 0 else None,
                **LOOKS[kind],
            )
    axes.set_xticks(
        range(len(cases)), [f"{NAMES[name]}, $N$ = {cells[0].subset_size:,}" for name, cells in cases.items()]
    )
    axes.set_xlim(-0.5, len(cases) - 0.5)
    style.level(axes, 0, None)
    axes.set_ylabel(r"$r_c$")
