"""Linearity by the weights of the two images that are mixed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hidden_gaussian.figures import style
from hidden_gaussian.figures.curves import MIXED, Curve, Measured
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.neighbours import Copying
from hidden_gaussian.figures.sweeps import layout

PANELS = (("as published", ""), ("mean subtracted", "_centred"), ("residual $y - D$", "_residual"))


def draw(data: FigureData) -> Figure:
    """Return the figure: a row for the smallest and one for the largest subset, a curve for each weight."""
    measured = Measured(data)
    squares = sorted(alpha**2 for alpha in data.plan.alphas)
    colours, _ = style.ramp(squares)
    figure = style.new(3.9)
    grid = layout(figure, PANELS, [1.0, 1.0])
    for row, cell in enumerate((data.plan.smallest, data.plan.main)):
        for column, (title, suffix) in enumerate(PANELS):
            axes = figure.add_subplot(grid[row, column])
            _nulls(axes, measured, cell.subset, suffix, squares[0])
            for square in squares:
                curve = cosine(measured, cell.id, suffix, square)
                style.band(axes, curve, color=colours[square], marker="o", markersize=2)
            style.sigma_axis(axes, measured.window(), label=False)
            axes.set_xlabel(r"noise level $\sigma$" if row else "")
            style.letter(axes, "abcdef"[row * len(PANELS) + column], title)
        figure.axes[row * len(PANELS)].set_ylabel(f"cosine, $N$ = {cell.subset_size:,}\n{_scores(data, cell.id)}")
    key = figure.add_subplot(grid[:, len(PANELS)])
    key.set_axis_off()
    handles = [Line2D([], [], color=colours[square], label=f"{square:.2f}") for square in squares]
    key.legend(handles=handles, title=r"weight $\alpha^2$", loc="center left", alignment="left", borderaxespad=0)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def cosine(measured: Measured, identifier: str, suffix: str, square: float) -> Curve:
    """Return the mean cosine between D(a y1 + b y2) and a D(y1) + b D(y2) over sigma, for one weight a^2."""
    shard = measured.shard(identifier)
    chosen = shard[(shard["parameter"] == "alpha") & np.isclose(shard["at"].to_numpy(float) ** 2, square)]
    inner, mixed, combined = (
        _table(chosen, f"{quantity}{suffix}") for quantity in ("mixed_inner", "mixed_norm", "combined_norm")
    )
    return measured.mean(inner / (mixed * combined).pow(0.5))


def _table(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    rows = rows[rows["quantity"] == quantity]
    table = rows.pivot_table(index="image", columns="sigma", values="value", aggfunc="mean")
    return table.rename_axis(index=MIXED)


def _scores(data: FigureData, identifier: str) -> str:
    return rf"($f_{{\mathrm{{mem}}}}$, GL: {Copying.of(data, identifier).text})"


def _nulls(axes: Axes, measured: Measured, subset: str, suffix: str, square: float) -> None:
    for kind, name in (("gaussian", "Gaussian"), ("empirical", "empirical")):
        curve = cosine(measured, f"{subset}/{kind}", suffix, square)
        style.null(axes, curve, rf"{name}, $\alpha^2$ = {square:.2f}", kind)
