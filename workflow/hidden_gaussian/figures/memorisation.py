"""A memorising network beside a generalising one: distances to the Gaussian and to the linear map."""

from __future__ import annotations

from matplotlib.figure import Figure

from hidden_gaussian.figures import distances, style
from hidden_gaussian.figures.curves import Measured
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.neighbours import scored


def draw(data: FigureData) -> Figure:
    """Return the figure: the smallest subset (left) and the largest (right), with a shared scale."""
    measured = Measured(data)
    figure = style.new(2.8)
    panels = figure.subplots(1, 2, sharey=True)
    for name, axes, cell in zip("ab", panels, (data.plan.smallest, data.plan.main), strict=True):
        distances.draw(axes, measured, cell.id, measured.nrmse, pairs=distances.PAIRS[1:])
        style.letter(axes, name, scored(data, cell))
        style.sigma_axis(axes, measured.window())
    top = panels[0].get_ylim()[1]
    panels[0].set_ylim(0, min(top, 1.5))
    panels[0].set_ylabel("nRMSE")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
