"""How far the network is from the Gaussian, the linear and the empirical denoiser, over the noise levels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hidden_gaussian.figures import style
from hidden_gaussian.figures.curves import Curve, Measured
from hidden_gaussian.figures.data import FigureData


def draw(data: FigureData) -> Figure:
    """Return the figure: root-mean-square differences per pixel (left), and relative to the output (right)."""
    measured, network = Measured(data), data.plan.main.id
    figure = style.new(2.9)
    left, right = figure.subplots(1, 2)
    size = math.prod(data.plan.shape)
    for axes, relative in ((left, False), (right, True)):
        _curves(axes, measured, network, size, relative)
        style.sigma_axis(axes, measured.window())
    style.letter(left, "a", "mean of the RMSE per image")
    left.set_ylabel("RMSE (pixels in $[-1, 1]$)")
    others = [line for line in left.lines if line.get_label() != "identity to Gaussian"]
    left.set_ylim(0, 1.1 * max(np.max(line.get_ydata()) for line in others))
    style.letter(right, "b", "relative to the output")
    right.set_ylabel("nRMSE")
    right.set_ylim(0, min(right.get_ylim()[1], 1.5))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _curves(axes: Axes, measured: Measured, network: str, size: int, relative: bool) -> None:
    norm = measured.table(network, "norm")

    def difference(table: pd.DataFrame, own: pd.DataFrame) -> Curve:
        return measured.ratio(table, own, 0.5) if relative else measured.mean((table / size).pow(0.5))

    subset = network.split("/")[0]
    for kind, dashes in (("empirical", "empirical"), ("identity", "identity"), ("mean", "mean")):
        identifier = f"{subset}/{kind}"
        curve = difference(measured.table(identifier, "distance", "gaussian"), measured.table(identifier, "norm"))
        label = {"empirical": "empirical", "identity": "identity", "mean": "mean image"}[kind]
        style.null(axes, curve, f"{label} to Gaussian", dashes)
    for label, colour, quantity, reference in (
        ("network to empirical", style.EMPIRICAL, "distance", "empirical"),
        ("network to Gaussian", style.GAUSSIAN, "distance", "gaussian"),
        ("network to linear", style.LINEAR, "distance", "linear"),
        ("linear to Gaussian", "k", "linear_gaussian", "linear"),
    ):
        table = measured.table(network, quantity, reference)
        if len(table):
            style.band(axes, difference(table, norm), label, color=colour, marker="o", markersize=2.5)
