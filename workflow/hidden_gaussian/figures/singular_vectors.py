"""Singular vectors and values of the distilled maps against the principal components of the training images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.figures.linear_weights import weights
from hidden_gaussian.plotting import Copying, Entry, FigureData, Measured, needs, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

RANKS, LEVELS = 3, 4  # curves a panel


ENTRY = Entry(
    "Singular vectors of the distilled maps",
    "Fig. 4 right",
    ("size",),
    needs.both_ends("empirical"),
    requires="distilled",
)


def draw(data: FigureData) -> Figure:
    """Return the figure: overlap of subspaces for the smallest (a) and the largest subset (b), singular values (c)."""
    measured = Measured(data)
    figure = style.new(3.2)
    *overlaps, values = figure.subplots(1, 3)
    for name, axes, cell in zip("ab", overlaps, (data.index.smallest, data.index.main), strict=True):
        _overlap(axes, measured, cell)
        style.letter(axes, name, rf"$N$ = {cell.subset_size:,} ({Copying.of(data, cell.id).text})")
    overlaps[0].set_ylabel("share of the subspace in common")
    _values(values, measured, data.index.main)
    handles = [*overlaps[1].get_legend_handles_labels()[0], *_looks()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _spaced(values: list[float], most: int) -> list[float]:
    chosen = np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int)
    return [values[index] for index in chosen]


def _overlap(axes: Axes, measured: Measured, cell: Cell) -> None:
    """Draw the overlap for some ranks, with what two halves of the fit have, and what random subspaces have."""
    table = weights(measured, cell.id, "rank")
    colours, _ = style.ramp(table["at"])
    ranks = _spaced(sorted(table["at"].unique()), RANKS)
    for rank in ranks:
        rows = table[table["at"] == rank].sort_values("sigma")
        sigma, whole = rows["sigma"], rows["overlap_whole"]
        label = f"rank {rank:.0f}"
        axes.plot(sigma, rows["overlap"] / whole, "o-", color=colours[rank], markersize=2.5, label=label)
        axes.plot(sigma, rows["overlap_ceiling"] / whole, ":", color=colours[rank])
        axes.axhline(float((rows["overlap_random"] / whole).iloc[0]), color=style.GREY, ls=style.DASHES["identity"])
    null = weights(measured, f"{cell.subset}/empirical", "rank")
    if len(null):
        rows = null[null["at"] == ranks[len(ranks) // 2]].sort_values("sigma")
        axes.plot(
            rows["sigma"], rows["overlap"] / rows["overlap_whole"], color=style.GREY, ls=style.DASHES["empirical"]
        )
    axes.set_ylim(-0.03, 1.05)
    style.sigma_axis(axes, measured.window(), label=False)
    axes.set_xlabel(r"noise level $\sigma$")


def _values(axes: Axes, measured: Measured, cell: Cell) -> None:
    """Draw the singular values at some levels, and dashed those of the Gaussian's weights."""
    table = weights(measured, cell.id, "component")
    colours, _ = style.ramp(table["sigma"])
    for sigma in _spaced(sorted(table["sigma"].unique()), LEVELS):
        rows: pd.DataFrame = table[table["sigma"] == sigma].sort_values("at")
        label = rf"$\sigma$ = {style.level_text(sigma)}"
        axes.plot(rows["at"], rows["singular_value"], color=colours[sigma], label=label)
        axes.plot(rows["at"], rows["gaussian_gain"], color=style.GREY, ls=style.DASHES["gaussian"], linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("component")
    axes.set_ylabel("singular value")
    axes.set_ylim(bottom=0)
    style.log_ticks(axes.xaxis)
    axes.legend(handlelength=1.0)
    style.letter(axes, "c", f"$N$ = {cell.subset_size:,}")


def _looks() -> list[Line2D]:
    from matplotlib.lines import Line2D

    looks: dict[str, dict[str, Any]] = {
        "two halves of the fit": {"color": "k", "ls": ":"},
        "memoriser, middle rank": {"color": style.GREY, "ls": style.DASHES["empirical"]},
        "random subspaces": {"color": style.GREY, "ls": style.DASHES["identity"]},
        r"Gaussian's $W_G$": {"color": style.GREY, "ls": style.DASHES["gaussian"]},
    }
    return [Line2D([], [], label=name, **look) for name, look in looks.items()]
