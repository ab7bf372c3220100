"""Singular vectors and values of the distilled maps against the principal components of the training images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import Copying, Curve, Entry, FigureData, needs, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

RANKS, VALUES = 3, 4  # curves a panel


ENTRY = Entry(
    "Singular vectors of the distilled maps",
    "Fig. 4 right",
    ("size",),
    needs.both_ends("empirical"),
    requires="distilled",
    metrics=("subspace_overlap", "subspace_ceiling", "subspace_random", "singular_value", "gain"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: overlap of subspaces for the smallest (a) and the largest subset (b), singular values (c)."""
    figure = style.new(3.2)
    *overlaps, values = figure.subplots(1, 3)
    for name, axes, cell in zip("ab", overlaps, (data.index.smallest, data.index.main), strict=True):
        _overlap(axes, data, cell)
        style.letter(axes, name, rf"$N$ = {cell.subset_size:,} ({Copying.of(data, cell.id).text})")
    overlaps[0].set_ylabel("share of the subspace in common")
    _values(values, data, data.index.main)
    handles = [*overlaps[1].get_legend_handles_labels()[0], *_looks()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _spaced(values: list[float], most: int) -> list[float]:
    chosen = np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int)
    return [values[index] for index in chosen]


def _overlap(axes: Axes, data: FigureData, cell: Cell) -> None:
    """Draw the overlap for some ranks, with what two halves of the fit have, and what random subspaces have."""

    def share(metric: str, identifier: str, rank: float) -> Curve:
        return data.curve(metric, identifier, relation="linear", parameter="rank", at=rank)

    known = data.places("subspace_overlap", cell.id, relation="linear", parameter="rank")
    colours, _ = style.ramp(known)
    ranks = _spaced(known, RANKS)
    for rank in ranks:
        overlap, ceiling = (share(f"subspace_{kind}", cell.id, rank) for kind in ("overlap", "ceiling"))
        axes.plot(overlap.x, overlap.value, "o-", color=colours[rank], markersize=2.5, label=f"rank {rank:.0f}")
        axes.plot(ceiling.x, ceiling.value, ":", color=colours[rank])
        random = float(share("subspace_random", cell.id, rank).value[0])
        axes.axhline(random, color=style.GREY, ls=style.DASHES["identity"])
    null = share("subspace_overlap", f"{cell.subset}/empirical", ranks[len(ranks) // 2])
    axes.plot(null.x, null.value, color=style.GREY, ls=style.DASHES["empirical"])
    axes.set_ylim(-0.03, 1.05)
    style.sigma_axis(axes, data.window, label=False)
    axes.set_xlabel(r"noise level $\sigma$")


def _values(axes: Axes, data: FigureData, cell: Cell) -> None:
    """Draw the singular values at some levels, and dashed those of the Gaussian's weights."""
    levels = data.levels("singular_value", cell.id, relation="linear")
    colours, _ = style.ramp(levels)
    for sigma in _spaced(levels, VALUES):
        label = rf"$\sigma$ = {style.level_text(sigma)}"
        own = data.profile("singular_value", cell.id, sigma, relation="linear")
        axes.plot(own.x, own.value, color=colours[sigma], label=label)
        gaussian = data.profile("gain", f"{cell.subset}/gaussian", sigma, reference_id=f"{cell.id}/linear")
        axes.plot(gaussian.x, gaussian.value, color=style.GREY, ls=style.DASHES["gaussian"], linewidth=0.8)
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
        "empirical denoiser, middle rank": {"color": style.GREY, "ls": style.DASHES["empirical"]},
        "random subspaces": {"color": style.GREY, "ls": style.DASHES["identity"]},
        r"Gaussian's $W_G$": {"color": style.GREY, "ls": style.DASHES["gaussian"]},
    }
    return [Line2D([], [], label=name, **look) for name, look in looks.items()]
