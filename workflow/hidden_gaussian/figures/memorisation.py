"""A memorising network beside a generalising one: distances to the Gaussian, and outputs on the same inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import (
    KINDS,
    LEVELS,
    SIGMA4,
    Entry,
    FigureData,
    Measured,
    clean,
    denoised,
    distance_curves,
    image_grid,
    needs,
    scored,
    style,
)
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _needs(index: ResultsIndex) -> list[str]:
    outputs = index.outputs([index.main, index.smallest], "gaussian", "empirical")
    return [*needs.both_ends("empirical", "identity", "mean")(index), *outputs]


ENTRY = Entry("Memorising and generalising networks", "Fig. 5", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: the smallest subset (left) and the largest (right), curves above and outputs below."""
    measured, cells = Measured(data), (data.index.smallest, data.index.main)
    figure = style.new(4.4)
    grid = figure.add_gridspec(2, 2, height_ratios=[2, 1.5])
    panels = [figure.add_subplot(grid[0, 0])]
    panels.append(figure.add_subplot(grid[0, 1], sharey=panels[0]))
    for name, axes, cell in zip("ab", panels, cells, strict=True):
        distance_curves.draw(axes, measured, cell.id, measured.nrmse, pairs=distance_curves.PAIRS[1:])
        style.letter(axes, name, scored(data, cell))
        style.sigma_axis(axes, measured.window())
    distance_curves.begin_at_zero(panels[0], min(panels[0].get_ylim()[1], 1.5))
    panels[0].set_ylabel("nRMSE")
    panels[1].tick_params(labelleft=False)
    _outputs(figure.add_subplot(grid[1, :]), data, cells)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _outputs(axes: Axes, data: FigureData, cells: tuple[Cell, Cell]) -> None:
    """Draw outputs of both networks and of the denoisers of their subsets on the same images, and on the same noise."""
    blocks = [(cell, kind) for cell in cells for kind in KINDS]
    rows = {"clean $x$": [clean(data, cell.id, kind) for cell, kind in blocks]}
    names = {"network": "{0.id}", "Gaussian": "{0.subset}/gaussian", "empirical": "{0.subset}/empirical"}
    for name, identifier in names.items():
        rows[name] = [denoised(data, identifier.format(cell), kind)[SIGMA4] for cell, kind in blocks]
    titles = [f"$N$ = {cell.subset_size:,}: {KINDS[kind]}" for cell, kind in blocks]
    image_grid.grid(axes, np.stack([np.concatenate(row) for row in rows.values()]), rows=list(rows), blocks=titles)
    style.letter(axes, "c", rf"outputs on the same inputs, $\sigma$ = {style.level_text(LEVELS[SIGMA4])}", pad=15)
