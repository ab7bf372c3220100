"""A memorising network beside a generalising one: distances to the Gaussian and to the linear map."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hidden_gaussian.cells import Cell
from hidden_gaussian.figures import style
from hidden_gaussian.figures.curves import Measured
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.neighbours import Copying


def draw(data: FigureData) -> Figure:
    """Return the figure: the smallest subset (left) and the largest (right), with a shared scale."""
    measured = Measured(data)
    figure = style.new(2.8)
    panels = figure.subplots(1, 2, sharey=True)
    for name, axes, cell in zip("ab", panels, (data.plan.smallest, data.plan.main), strict=True):
        _panel(axes, measured, cell)
        scores = Copying.of(data, cell.id)
        style.letter(axes, name, rf"$N$ = {cell.subset_size:,} ($f_{{\mathrm{{mem}}}}$, GL: {scores.text})")
        style.sigma_axis(axes, measured.window())
    top = panels[0].get_ylim()[1]
    panels[0].set_ylim(0, min(top, 1.5))
    panels[0].set_ylabel("nRMSE")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _panel(axes: Axes, measured: Measured, cell: Cell) -> None:
    norm = measured.table(cell.id, "norm")
    for kind, label in (("empirical", "empirical"), ("identity", "identity"), ("mean", "mean image")):
        style.null(axes, measured.nrmse(f"{cell.subset}/{kind}"), f"{label} to Gaussian", kind)
    for label, colour, quantity, reference in (
        ("network to Gaussian", style.GAUSSIAN, "distance", "gaussian"),
        ("network to linear", style.LINEAR, "distance", "linear"),
        ("linear to Gaussian", "k", "linear_gaussian", "linear"),
    ):
        table = measured.table(cell.id, quantity, reference)
        if len(table):
            style.band(axes, measured.ratio(table, norm, 0.5), label, color=colour, marker="o", markersize=2.5)
