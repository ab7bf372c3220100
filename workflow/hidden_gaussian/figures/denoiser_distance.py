"""How far the network is from the Gaussian, the linear and the empirical denoiser, over the noise levels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import Curve, Entry, FigureData, Measured, distance_curves, scored, style
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.tables import signed_root

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _needs(index: ResultsIndex) -> list[str]:
    return [*index.measures([index.main], "empirical", "identity", "mean"), *index.memorisation([index.main])]


ENTRY = Entry("Distance between denoisers", "Fig. 2 left", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: root-mean-square differences per pixel (left), and relative to the output (right)."""
    measured, network, size = Measured(data), data.index.main.id, math.prod(data.index.shape)

    def per_pixel(identifier: str, quantity: str, reference: str) -> Curve:
        return measured.combined([measured.table(identifier, quantity, reference) / size], signed_root)

    figure = style.new(3.1)
    left, right = figure.subplots(1, 2)
    for axes, distance in ((left, per_pixel), (right, measured.nrmse)):
        distance_curves.draw(axes, measured, network, distance)
        style.sigma_axis(axes, measured.window())
    style.letter(left, "a", r"per pixel, $\sqrt{E|D_1 - D_2|^2 / d}$")
    left.set_ylabel("RMSE (pixels in $[-1, 1]$)")
    others = [line for line in left.lines if line.get_label() != "identity to Gaussian"]
    distance_curves.begin_at_zero(left, 1.1 * max(np.max(line.get_ydata()) for line in others))
    style.letter(right, "b", r"relative, $\sqrt{E|D_1 - D_2|^2 / E|D|^2}$")
    right.set_ylabel("nRMSE")
    distance_curves.begin_at_zero(right, min(right.get_ylim()[1], 1.5))
    title = scored(data, data.index.main)
    figure.legend(*left.get_legend_handles_labels(), title=title, loc="outside lower center", ncols=3)
    return figure
