"""Local slopes of the network along the sampler's way: their singular vectors against principal components."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import Copying, Curve, Entry, FigureData, Measured, curves, image_grid, needs, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

SPREAD = 2.0  # standard deviations of a random unit vector's pixels that are shown as 1
LETTERS = "abcdefghijklm"
ROWS = ("state", "output", "$u_1$", "$u_2$", "$u_3$")


ENTRY = Entry(
    "Jacobians along the sampling trajectory", "Fig. 28", ("size",), needs.jacobians, requires="jacobian_cells"
)


def draw(data: FigureData) -> Figure:
    """Return the figure: overlap and distance of slopes, and singular vectors of the network of most images."""
    measured = Measured(data)
    cells = data.index.shown_jacobian_cells
    figure = style.new(1.9 * len(cells) + 3.1)
    grid = figure.add_gridspec(len(cells) + 1, 3, height_ratios=[*[1.9] * len(cells), 2.8])
    for row, cell in enumerate(cells):
        overlaps, slopes, outputs = panels = [figure.add_subplot(grid[row, column]) for column in range(3)]
        _overlap(overlaps, data, cell)
        _distance(slopes, data.slopes(cell.id), cell)
        _taylor(outputs, measured, data.slopes(cell.id), cell)
        overlaps.set_ylabel(f"{cell.architecture}, $N$ = {cell.subset_size:,}\nshare in common")
        titles = (f"vectors ({Copying.of(data, cell.id).text})", "slope at mean", "Taylor map")
        for axes, name, title in zip(panels, LETTERS[3 * row :], titles, strict=False):
            style.letter(axes, name, title)
            style.sigma_axis(axes, measured.window(), label=False)
            style.log_ticks(axes.xaxis, 3)
            axes.set_xlabel(r"noise level $\sigma$" if row == len(cells) - 1 else "")
    images = figure.add_subplot(grid[-1, :])
    _strip(images, data, data.index.main_jacobian_cell)
    style.letter(images, LETTERS[3 * len(cells)], f"$N$ = {data.index.main_jacobian_cell.subset_size:,}", pad=15)
    ranks = {line.get_label(): line for axes in figure.axes for line in axes.get_legend_handles_labels()[0]}
    figure.legend(handles=[*ranks.values(), *_looks()], loc="outside lower center", ncols=3)
    return figure


def overlap(shard: pd.DataFrame, gaussian: str, rank: float) -> Curve:
    """Return the share of the first left singular vectors that lies in as many principal components, over sigma."""
    rows = shard[(shard["parameter"] == "rank") & (shard["at"] == rank) & (shard["reference_id"] == gaussian)]
    tables = [over_sigma(rows, quantity) for quantity in ("overlap", "overlap_whole")]
    return curves.combined(tables, np.divide, stream="trajectory")


def over_sigma(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return a quantity by state (rows) and sigma (columns)."""
    rows = rows[rows["quantity"] == quantity]
    return rows.pivot_table(index="image", columns="sigma", values="value")


def _overlap(axes: Axes, data: FigureData, cell: Cell) -> None:
    shard, gaussian = data.slopes(cell.id), f"{cell.subset}/gaussian"
    ranked = shard[shard["parameter"] == "rank"]
    ranks = sorted(ranked.loc[ranked["quantity"] == "overlap", "at"].unique())
    colours, _ = style.ramp(ranks)
    for rank in ranks:
        label = f"first {rank:.0f} vectors" if rank > 1 else "first vector"
        style.band(axes, overlap(shard, gaussian, rank), label, color=colours[rank], marker="o", markersize=2)
        at = ranked[ranked["at"] == rank].groupby("quantity", observed=True)["value"].mean()
        style.level(axes, at["overlap_random"] / rank, None, "identity")
        if "overlap_ceiling" in at:
            axes.axhline(at["overlap_ceiling"] / rank, color=colours[rank], linestyle=":", linewidth=0.8)
    null = data.slopes(f"{cell.subset}/empirical")
    style.null(axes, overlap(null, gaussian, ranks[-1]), None, "empirical")
    axes.set_ylim(-0.03, 1.05)


def _distance(axes: Axes, shard: pd.DataFrame, cell: Cell) -> None:
    """Draw how far the slope at the mean image is from the Gaussian's weights and from the distilled ones."""
    for name, colour in ((f"{cell.subset}/gaussian", style.GAUSSIAN), (f"{cell.id}/linear", style.LINEAR)):
        rows = shard[shard["reference_id"] == name]
        gap, weight = (over_sigma(rows, quantity).iloc[0] for quantity in ("slope_gap", "slope_weight"))
        axes.plot(gap.index, np.sqrt(gap / weight), "o-", color=colour, markersize=2)
    style.level(axes, 0, None)
    axes.set_ylabel(r"$\|J - W\| / \|J\|$")
    axes.set_ylim(0, min(axes.get_ylim()[1], 2.0))


def taylor(measured: Measured, shard: pd.DataFrame, quantity: str, reference: str) -> Curve:
    """Return the root-mean-square distance per pixel of T(y) = D(mu) + J(mu) (y - mu) to a denoiser, over sigma."""
    rows = shard[(shard["inputs"] == measured.inputs) & (shard["reference_id"] == reference)]
    return measured.combined([over_sigma(rows, quantity) / math.prod(measured.data.index.shape)], np.sqrt)


def _taylor(axes: Axes, measured: Measured, shard: pd.DataFrame, cell: Cell) -> None:
    for quantity, reference, colour in (
        ("distance", f"{cell.id}/taylor", style.NETWORK),
        ("taylor_distance", f"{cell.subset}/gaussian", style.GAUSSIAN),
        ("taylor_distance", f"{cell.id}/linear", style.LINEAR),
    ):
        style.band(axes, taylor(measured, shard, quantity, reference), color=colour, marker="o", markersize=2)
    style.level(axes, 0, None)
    axes.set_ylabel("RMSE (pixels)")


def _strip(axes: Axes, data: FigureData, cell: Cell) -> None:
    """Draw the first latent's states, outputs and singular vectors, these all by the same factor."""
    found = data.slope_images(cell.id)
    vectors = found["vectors"][:, 0]
    scaled = vectors * np.sqrt(vectors[0, 0].size) / SPREAD
    images = [found["state"][:, 0], found["denoised"][:, 0], *np.moveaxis(scaled, 1, 0)]
    levels = sorted(data.slopes(cell.id)["sigma"].dropna().unique(), reverse=True)
    blocks = [style.level_text(level) for level in levels]
    image_grid.grid(axes, np.stack(images), rows=ROWS[: len(images)], blocks=blocks)
    axes.set_xlabel(r"noise level $\sigma$ (above)")


def _looks() -> list[Line2D]:
    from matplotlib.lines import Line2D

    looks: dict[str, dict[str, Any]] = {
        "to the Gaussian": {"color": style.GAUSSIAN},
        "to the distilled map": {"color": style.LINEAR},
        "to the network": {"color": style.NETWORK},
        "other half's components": {"color": "k", "ls": ":"},
        "random subspaces": {"color": style.GREY, "ls": style.DASHES["identity"]},
        "memoriser, most vectors": {"color": style.GREY, "ls": style.DASHES["empirical"]},
    }
    return [Line2D([], [], label=name, **look) for name, look in looks.items()]
