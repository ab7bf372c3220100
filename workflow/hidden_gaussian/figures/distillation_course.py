"""Distillation by gradient descent, epoch by epoch, and the exact optimum that it approaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import Entry, FigureData, image_grid, scored, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTERS = "abcdefghi"
SPREAD = 2.0  # root mean squares of a vector's pixels that are shown as 1
BEYOND = 20.0  # the place of the exact optimum, in last epochs
PANELS = (
    (r"$\|W - W_G\| / \|W_G\|$", "weight_distance_raw"),
    (r"$\|W - W^\top\| / \|W\|$", "asymmetry_raw"),
    ("error of the fit", "fit_error"),
)


def _needs(index: ResultsIndex) -> list[str]:
    cells = [index.smallest, index.main]
    shards = [f"{cell.id}/measures.parquet" for cell in cells]
    return [*shards, *index.memorisation(cells), *index.outputs([index.main])]


ENTRY = Entry(
    "Distillation by gradient descent",
    "Fig. 14",
    ("size",),
    _needs,
    requires="gradient_descent",
    metrics=("weight_distance_raw", "asymmetry_raw", "fit_error", "singular_value_gradient_descent", "gain"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: three measures over the epochs and singular values, of two subsets; singular vectors below."""

    from matplotlib.lines import Line2D

    figure = style.new(6.2)
    grid = figure.add_gridspec(3, len(PANELS) + 1, height_ratios=[1, 1, 1.1])
    panels = np.array(
        [[figure.add_subplot(grid[row, column]) for column in range(len(PANELS) + 1)] for row in range(2)]
    )
    for row, cell in enumerate((data.index.smallest, data.index.main)):
        levels = data.levels("weight_distance_raw", cell.id, parameter="epoch")
        colours, scale = style.ramp(levels)
        for column, (title, metric) in enumerate(PANELS):
            axes = panels[row, column]
            _course(axes, data, metric, cell, colours)
            axes.set_xlabel("epoch" if row else "")
            style.letter(axes, LETTERS[row * (len(PANELS) + 1) + column], title)
        _values(panels[row, -1], data, cell, colours)
        panels[row, -1].set_xlabel("component" if row else "")
        style.letter(panels[row, -1], LETTERS[row * (len(PANELS) + 1) + len(PANELS)], "$s_i$ of $W$")
        style.level(panels[row, 0], 1, None, "mean")
        panels[row, 0].set_ylabel(scored(data, cell))
    style.sigma_bar(figure, scale, panels)
    looks: dict[str, dict[str, Any]] = {
        "gradient descent": {"color": "k"},
        "exact optimum": {"color": "k", "ls": "", "marker": "D"},
        "$W = 0$": {"color": style.GREY, "ls": style.DASHES["mean"]},
        "$W_G$": {"color": style.GREY, "ls": style.DASHES["gaussian"]},
    }
    handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    _vectors(figure.add_subplot(grid[2, :]), data)
    return figure


def _values(axes: Axes, data: FigureData, cell: Cell, colours: dict[float, object]) -> None:
    """Draw singular values after the last epoch at every second level, and dashed those of W_G."""
    for sigma in list(colours)[::2]:
        gaussian = data.profile("gain", f"{cell.subset}/gaussian", sigma, reference_id=f"{cell.id}/linear")
        axes.plot(gaussian.x, gaussian.value, color=style.GREY, ls=style.DASHES["gaussian"], lw=0.8)
        fitted = data.profile("singular_value_gradient_descent", cell.id, sigma)
        axes.plot(fitted.x, fitted.value, color=colours[sigma], lw=1)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    style.log_ticks(axes.xaxis, 3)


def _vectors(axes: Axes, data: FigureData) -> None:
    """Draw the first left singular vectors of the largest subset's map by epochs, and of W_G, all scaled alike."""
    found = data.outputs(data.index.main.id)
    images = np.concatenate([found["descended"], found["components"][None]]).astype(np.float64) / SPREAD
    rows = [*(f"epoch {epoch}" for epoch in found["descended_epochs"]), "$W_G$"]
    columns = [f"$u_{{{number + 1}}}$" for number in range(images.shape[1])]
    image_grid.grid(axes, images, rows=rows, columns=columns)
    size = data.index.main.subset_size
    style.letter(axes, LETTERS[2 * (len(PANELS) + 1)], rf"singular vectors near $\sigma$ = 4, $N$ = {size:,}")


def _course(axes: Axes, data: FigureData, metric: str, cell: Cell, colours: dict[float, object]) -> None:
    """Draw a measure over the epochs, a curve a level, and mark the exact optimum beyond the last epoch."""
    last = max(data.places(metric, cell.id, parameter="epoch"))
    for sigma, colour in colours.items():
        curve = data.profile(metric, cell.id, sigma, parameter="epoch")
        axes.plot(curve.x, curve.value, color=colour, lw=1)
        exact = data.profile(metric, cell.id, sigma, parameter="draws")
        axes.plot(BEYOND * last, exact.value[-1], "D", color=colour, markersize=3)
    axes.set_yscale("log")
    axes.set_xscale("symlog", linthresh=1, linscale=0.5)
    ticks = [0.0, *[power for power in (1.0, 10.0, 100.0, 1000.0) if power <= last][-1:]]
    axes.set_xticks([*ticks, BEYOND * last], [*(style.number(tick) for tick in ticks), "exact"])
    axes.set_xticks([], minor=True)
    style.log_ticks(axes.yaxis)
