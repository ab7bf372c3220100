"""Linearity by the weights of the two images that are mixed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import (
    MIXED,
    Copying,
    Curve,
    Entry,
    FigureData,
    Measured,
    curves,
    needs,
    paper_curves,
    style,
)
from hidden_gaussian.statistics import mixing_blocks

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def cosine(measured: Measured, identifier: str, suffix: str, square: float, inputs: str | None = None) -> Curve:
    """Return the mean cosine between D(a y1 + b y2) and a D(y1) + b D(y2) over sigma, for one weight a^2 (eq. 11)."""
    inner, mixed, combined = (
        _table(measured, identifier, f"{name}{suffix}", square, inputs)
        for name in ("mixed_inner", "mixed_norm", "combined_norm")
    )
    return curves.mean(inner / (mixed * combined).pow(0.5), stream=inputs or measured.inputs)


def additivity(measured: Measured, identifier: str, suffix: str, square: float, inputs: str | None = None) -> Curve:
    """Return the mean of the length of their difference over that of the second (eq. 12, as coded)."""
    gap, combined = (
        _table(measured, identifier, f"{name}{suffix}", square, inputs) for name in ("mixed_gap", "combined_norm")
    )
    return curves.mean((gap / combined).pow(0.5), stream=inputs or measured.inputs)


def _table(measured: Measured, identifier: str, quantity: str, square: float, inputs: str | None) -> pd.DataFrame:
    rows = measured.shard(identifier, inputs)
    rows = rows[(rows["parameter"] == mixing_blocks.AXIS) & np.isclose(rows["at"].to_numpy(float) ** 2, square)]
    rows = rows[rows["quantity"] == quantity]
    table: pd.DataFrame = rows.pivot_table(index="image", columns="sigma", values="value", aggfunc="mean")
    return table.rename_axis(index=MIXED)


Score = Callable[[Measured, str, str, float, str | None], Curve]
PANELS: tuple[tuple[str, Score, str, str], ...] = (
    ("cosine", cosine, "", "cosine"),
    ("norm ratio", additivity, "", "additivity_ratio"),
    ("cosine, centred", cosine, "_centred", ""),
    ("cosine, $y - D$", cosine, "_residual", ""),
)
"""Title, score, suffix of its quantities, and what the paper's curves of it are called."""


ENTRY = Entry(
    "Linearity by the weights of the mixture",
    "Fig. 10",
    ("size",),
    needs.both_ends("gaussian", "empirical"),
    requires="alphas",
)


def draw(data: FigureData) -> Figure:
    """Return the figure: rows for the smallest and the largest subset, and for the latter on noise alone."""
    measured, index = Measured(data), data.index
    squares = sorted(alpha**2 for alpha in index.alphas)
    colours, _ = style.ramp(squares)
    on_noise = "noise" in index.inputs
    rows: list[tuple[Cell, str | None]] = [(index.smallest, None), (index.main, None), (index.main, "noise")]
    figure = style.new(5.5 if on_noise else 4.2)
    grid = figure.add_gridspec(3, len(PANELS), height_ratios=[1, 1, 1 if on_noise else 0.15])
    for row, (cell, inputs) in enumerate(rows):
        if inputs and not on_noise:
            style.absent(figure.add_subplot(grid[row, :]), "'noise' in measures.inputs")
            continue
        for column, (title, score, suffix, name) in enumerate(PANELS):
            axes = figure.add_subplot(grid[row, column])
            _nulls(axes, measured, cell.subset, score, suffix, most_even(squares), inputs)
            for square in squares:
                curve = score(measured, cell.id, suffix, square, inputs)
                style.band(axes, curve, color=colours[square], marker="o", markersize=2)
            if name and paper_curves.has(index) and cell.subset_size == paper_curves.SIZE:
                _published(axes, name, inputs or "foreign", colours)
            style.sigma_axis(axes, measured.window(), label=False)
            style.log_ticks(axes.xaxis, 3)
            axes.set_xlabel(r"noise level $\sigma$" if row == (2 if on_noise else 1) else "")
            style.letter(axes, "abcdefghijkl"[row * len(PANELS) + column], title)
        what = "noise alone" if inputs else "noised images"
        figure.axes[row * len(PANELS)].set_ylabel(f"{what}, $N$ = {cell.subset_size:,}\n{_scores(data, cell.id)}")
    _key(figure, colours, squares, paper=paper_curves.has(index))
    return figure


def most_even(squares: Sequence[float]) -> float:
    """Return the weight a^2 at which the two images of a pair count most nearly alike."""
    return min(squares, key=lambda square: abs(square - 0.5))


def _scores(data: FigureData, identifier: str) -> str:
    return rf"($f_{{\mathrm{{mem}}}}$, GL: {Copying.of(data, identifier).text})"


def _nulls(
    axes: Axes, measured: Measured, subset: str, score: Score, suffix: str, square: float, inputs: str | None
) -> None:
    for kind in ("gaussian", "empirical"):
        style.null(axes, score(measured, f"{subset}/{kind}", suffix, square, inputs), None, kind)


def _published(axes: Axes, name: str, inputs: str, colours: dict[float, Any]) -> None:
    """Draw the paper's curves of those weights that were measured, dotted."""
    for square, (sigma, heights) in paper_curves.by_alpha(name, inputs).items():
        for own, colour in colours.items():
            if abs(own - square) < 0.005:
                axes.plot(sigma, heights, ":", color=colour)


def _key(figure: Figure, colours: dict[float, Any], squares: list[float], *, paper: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colours[square], label=rf"$\alpha^2$ = {square:.2f}") for square in squares]
    for kind, name in (("gaussian", "Gaussian"), ("empirical", "empirical")):
        label = rf"{name}, $\alpha^2$ = {most_even(squares):.2f}"
        handles.append(Line2D([], [], color=style.GREY, ls=style.DASHES[kind], lw=1, label=label))
    if paper:
        handles.append(Line2D([], [], color="k", ls=":", label="the paper's"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
