"""Distillation by gradient descent, epoch by epoch, and the exact optimum that it approaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hidden_gaussian.figures import style
from hidden_gaussian.figures.curves import Measured
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.linear_weights import weights
from hidden_gaussian.figures.neighbours import scored

BEYOND = 5.0  # the place of the exact optimum, in last epochs
PANELS = (
    (r"$\|W - W_G\| / \|W_G\|$", "weight_gap", "gaussian_weight"),
    (r"$\|W - W^\top\| / \|W\|$", "asymmetry", "linear_weight"),
    ("error of the fit", "fit_gap", "fit_spread"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: a row for the smallest and one for the largest subset, three measures over the epochs."""
    measured = Measured(data)
    figure = style.new(4.2)
    panels = figure.subplots(2, len(PANELS))
    for row, cell in enumerate((data.plan.smallest, data.plan.main)):
        descent, exact = weights(measured, cell.id, "epoch"), weights(measured, cell.id, "draws")
        colours, scale = style.ramp(descent["sigma"])
        for column, (title, numerator, denominator) in enumerate(PANELS):
            axes = panels[row, column]
            _course(axes, ratio(descent, numerator, denominator), colours)
            _floor(axes, ratio(exact[exact["at"] == exact["at"].max()], numerator, denominator), descent, colours)
            axes.set_xlabel("epoch" if row else "")
            style.letter(axes, "abcdef"[row * len(PANELS) + column], title)
        style.level(panels[row, 0], 1, None, "mean")
        panels[row, 0].set_ylabel(scored(data, cell))
    style.sigma_bar(figure, scale, panels)
    looks: dict[str, dict[str, Any]] = {
        "descent": {"color": "k"},
        "exact optimum": {"color": "k", "ls": "", "marker": "D"},
        "$W = 0$": {"color": style.GREY, "ls": style.DASHES["mean"]},
    }
    handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def ratio(table: pd.DataFrame, numerator: str, denominator: str) -> pd.DataFrame:
    """Return the root of a ratio of sums of squares, one row an epoch (or number of noises), one column a sigma.

    It is left out where the denominator is 0, as that of the asymmetry is before the first step.
    """
    kept = table[table[denominator] > 0]
    values = np.sqrt(kept[numerator] / kept[denominator])
    return kept.assign(ratio=values).pivot_table(index="at", columns="sigma", values="ratio")


def _course(axes: Axes, found: pd.DataFrame, colours: dict[float, object]) -> None:
    for sigma in found.columns:
        axes.plot(found.index, found[sigma], color=colours[float(sigma)], lw=1)
    axes.set_yscale("log")
    axes.set_xscale("symlog", linthresh=1, linscale=0.5)


def _floor(axes: Axes, exact: pd.DataFrame, descent: pd.DataFrame, colours: dict[float, object]) -> None:
    """Mark the exact optimum beyond the last epoch."""
    last = float(descent["at"].max())
    for sigma in exact.columns:
        axes.plot(BEYOND * last, exact[sigma].iloc[0], "D", color=colours[float(sigma)], markersize=3)
    ticks = [0.0, *(power for power in (1.0, 10.0, 100.0, 1000.0) if power <= last)]
    axes.set_xticks([*ticks, BEYOND * last], [*(style.number(tick) for tick in ticks), "exact"])
    axes.set_xticks([], minor=True)
    style.log_ticks(axes.yaxis)
