"""Closeness to the Gaussian against images seen, for several subset sizes on one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import Curve, Entry, FigureData, Groups, alike, copying, ids, joined, shown, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _needs(index: ResultsIndex) -> list[str]:
    cells = alike(index)
    return [*index.measures(cells, "empirical"), *index.memorisation(shown(cells))]


ENTRY = Entry(
    "Closeness to the Gaussian by images seen, for several sizes",
    "",
    ("time",),
    _needs,
    also=("size", "clock"),
    metrics=("rho", "memorised_fraction"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: rho over images seen (a) and over epochs (c), the memorised fraction over images seen (b)."""
    sizes = sized(alike(data.index))
    colours = style.colours(sizes)
    figure = style.new(2.7)
    closeness, memorised, epochs = figure.subplots(1, 3)
    for size, groups in sizes.items():
        rho = joined(groups, [data.in_window("rho", ids(cells)) for cells in groups.values()])
        _series(closeness, rho, colours[size])
        _series(epochs, rho.at(rho.x / size), colours[size])
        scores = [copying(data, cells) for cells in groups.values()]
        _series(memorised, joined(groups, [score.memorised for score in scores]), colours[size], minimum=False)
        if scores[-1].null is not None:
            style.level(memorised, scores[-1].null, None, "identity")
    for axes, name, title, label in (
        (closeness, "a", r"$\rho$ in the window", "images seen"),
        (memorised, "b", r"memorised fraction $f_{\mathrm{mem}}$", "images seen"),
        (epochs, "c", r"$\rho$ in the window", "epochs"),
    ):
        style.letter(axes, name, title)
        _clock(axes, sizes, per_epoch=axes is epochs)
        axes.set_xlabel(label)
        if axes is not epochs:
            left, right = axes.get_xlim()
            axes.axvspan(left, data.index.training_settings["warmup"], color="#dddddd", lw=0, zorder=0)
            axes.set_xlim(left, right)
    for axes in (closeness, epochs):
        style.level(axes, 1, None, "empirical")
        style.level(axes, 0, None, "gaussian")
    _key(figure, data.index, sizes, colours)
    return figure


def sized(cells: list[Cell]) -> dict[int, Groups]:
    """Return cells by subset size, then by images seen."""
    sizes: dict[int, Groups] = {}
    for cell in sorted(cells, key=lambda cell: (cell.subset_size, cell.images_seen, cell)):
        sizes.setdefault(cell.subset_size, {}).setdefault(cell.images_seen, []).append(cell)
    return sizes


def _clock(axes: Axes, sizes: dict[int, Groups], *, per_epoch: bool) -> None:
    """Make the x axis one of images seen, or of epochs, with a place for checkpoints before training."""
    style.log_scale(axes, (seen / size if per_epoch else seen for size, groups in sizes.items() for seen in groups))
    style.log_ticks(axes.xaxis, 3)


def _series(axes: Axes, curve: Curve, colour: object, *, minimum: bool = True) -> None:
    style.band(axes, curve, color=colour, marker="o", markersize=2.5)
    if minimum and len(curve.x) > 1:
        lowest = int(np.argmin(curve.value))
        axes.plot(curve.x[lowest], curve.value[lowest], "o", color=colour, markersize=7, markerfacecolor="none")


def _key(figure: Figure, index: ResultsIndex, sizes: dict[int, Groups], colours: dict[int, str]) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for size, groups in sizes.items():
        few = "" if len(groups) > 1 else ", earlier absent"
        handles.append(Line2D([], [], color=colours[size], marker="o", label=f"$N$ = {style.number(size)}{few}"))
    handles += [
        Line2D([], [], color="k", marker="o", ls="", markersize=7, markerfacecolor="none", label="minimum"),
        Line2D([], [], color="#dddddd", lw=6, label="warm-up"),
        Line2D([], [], color=style.GREY, ls=style.DASHES["empirical"], lw=0.8, label="empirical"),
        Line2D([], [], color=style.GREY, ls=style.DASHES["gaussian"], lw=0.8, label="Gaussian"),
    ]
    if index.photographs:
        label = f"{index.unseen_name} images"
        handles.append(Line2D([], [], color=style.GREY, ls=style.DASHES["identity"], lw=0.8, label=label))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
