"""Jacobians of the network along the sampling trajectory: their singular vectors against principal components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hidden_gaussian.cells import Cell, Subset
from hidden_gaussian.plotting import Copying, Entry, FigureData, image_grid, needs, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

SPREAD = 2.0  # standard deviations of a random unit vector's pixels that are shown as 1
LETTERS = "abcdefghijklm"
ROWS = ("state", "output", "$u_1$", "$u_2$", "$u_3$")


ENTRY = Entry(
    "Jacobians along the sampling trajectory",
    "Fig. 28",
    ("size",),
    needs.jacobians,
    requires="jacobian_cells",
    metrics=("subspace_overlap", "subspace_random", "subspace_ceiling", "slope_distance", "rmse", "taylor_rmse"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: overlap and distance of Jacobians, and singular vectors of the network of most images."""
    cells = data.index.shown_jacobian_cells
    figure = style.new(1.9 * len(cells) + 3.1)
    grid = figure.add_gridspec(len(cells) + 1, 3, height_ratios=[*[1.9] * len(cells), 2.8])
    for row, cell in enumerate(cells):
        overlaps, distances, outputs = panels = [figure.add_subplot(grid[row, column]) for column in range(3)]
        _overlap(overlaps, data, cell)
        _distance(distances, data, cell)
        _taylor(outputs, data, cell)
        overlaps.set_ylabel(f"{cell.architecture}, $N$ = {cell.subset_size:,}\nshare in common")
        titles = (f"vectors ({Copying.of(data, cell.id).text})", "Jacobian at mean", "Taylor map")
        for axes, name, title in zip(panels, LETTERS[3 * row :], titles, strict=False):
            style.letter(axes, name, title)
            style.sigma_axis(axes, data.window, label=False)
            style.log_ticks(axes.xaxis, 3)
            axes.set_xlabel(r"noise level $\sigma$" if row == len(cells) - 1 else "")
    images = figure.add_subplot(grid[-1, :])
    _strip(images, data, data.index.main_jacobian_cell)
    style.letter(images, LETTERS[3 * len(cells)], f"$N$ = {data.index.main_jacobian_cell.subset_size:,}", pad=15)
    ranks = {line.get_label(): line for axes in figure.axes for line in axes.get_legend_handles_labels()[0]}
    figure.legend(handles=[*ranks.values(), *_looks()], loc="outside lower center", ncols=3)
    return figure


def _overlap(axes: Axes, data: FigureData, cell: Cell) -> None:
    along = {"inputs": "trajectory", "parameter": "rank", "relation": "gaussian"}
    other = Subset(cell.subset_size, cell.half).other_half.id
    ranks = data.places("subspace_overlap", cell.id, **along)
    colours, _ = style.ramp(ranks)
    for rank in ranks:
        label = f"first {rank:.0f} vectors" if rank > 1 else "first vector"
        curve = data.curve("subspace_overlap", cell.id, at=rank, **along)
        style.band(axes, curve, label, color=colours[rank], marker="o", markersize=2)
        style.level(axes, float(data.curve("subspace_random", cell.id, at=rank, **along).value[0]), None, "identity")
        ceiling = data.curve("subspace_ceiling", cell.id, at=rank, inputs=None, reference_id=f"{other}/gaussian")
        if len(ceiling):
            axes.axhline(float(ceiling.value[0]), color=colours[rank], linestyle=":", linewidth=0.8)
    null = data.curve("subspace_overlap", f"{cell.subset}/empirical", at=ranks[-1], **along)
    style.null(axes, null, None, "empirical")
    axes.set_ylim(-0.03, 1.05)


def _distance(axes: Axes, data: FigureData, cell: Cell) -> None:
    """Draw how far the Jacobian at the mean image is from the Gaussian's weights and from the distilled ones."""
    for relation, colour in (("gaussian", style.GAUSSIAN), ("linear", style.LINEAR)):
        curve = data.curve("slope_distance", cell.id, inputs=None, relation=relation)
        axes.plot(curve.x, curve.value, "o-", color=colour, markersize=2)
    style.level(axes, 0, None)
    axes.set_ylabel(r"$\|J - W\| / \|J\|$")
    axes.set_ylim(0, min(axes.get_ylim()[1], 2.0))


def _taylor(axes: Axes, data: FigureData, cell: Cell) -> None:
    """Draw the distance per pixel of T(y) = D(mu) + J(mu) (y - mu) to the network, the Gaussian, the distilled map."""
    for metric, relation, colour in (
        ("rmse", "taylor", style.NETWORK),
        ("taylor_rmse", "gaussian", style.GAUSSIAN),
        ("taylor_rmse", "linear", style.LINEAR),
    ):
        curve = data.curve(metric, cell.id, relation=relation)
        style.band(axes, curve, color=colour, marker="o", markersize=2)
    style.level(axes, 0, None)
    axes.set_ylabel("RMSE (pixels)")


def _strip(axes: Axes, data: FigureData, cell: Cell) -> None:
    """Draw the first latent's states, outputs and singular vectors, these all by the same factor."""
    found = data.jacobian_images(cell.id)
    vectors = found["vectors"][:, 0]
    scaled = vectors * np.sqrt(vectors[0, 0].size) / SPREAD
    images = [found["state"][:, 0], found["denoised"][:, 0], *np.moveaxis(scaled, 1, 0)]
    levels = sorted(data.levels("slope_distance", cell.id, inputs=None), reverse=True)
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
        "empirical denoiser, most vectors": {"color": style.GREY, "ls": style.DASHES["empirical"]},
    }
    return [Line2D([], [], label=name, **look) for name, look in looks.items()]
