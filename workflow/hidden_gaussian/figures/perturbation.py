"""What a push along the first singular vector does to the output, there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.figures.jacobian import over_sigma
from hidden_gaussian.plotting import Copying, Curve, Entry, FigureData, Measured, curves, image_grid, needs, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LATENTS = 2
ROWS = ("pushed", "output", "back")


ENTRY = Entry("Perturbations along a singular vector", "Fig. 30", ("size",), needs.jacobians, requires="jacobian_cells")


def draw(data: FigureData) -> Figure:
    """Return the figure: how linear the response is and the outputs of the network of most images."""
    measured = Measured(data)
    cells, main = data.index.shown_jacobian_cells, data.index.main_jacobian_cell
    figure = style.new(2.3 + 1.9 * LATENTS)
    grid = figure.add_gridspec(1 + LATENTS, len(cells), height_ratios=[1.9, *[1.8] * LATENTS])
    for column, cell in enumerate(cells):
        axes = figure.add_subplot(grid[0, column])
        _response(axes, data, cell)
        style.letter(axes, "abc"[column], f"$N$ = {cell.subset_size:,} ({Copying.of(data, cell.id).text})")
        style.sigma_axis(axes, measured.window(), label=False)
        axes.set_xlabel(r"noise level $\sigma$")
    figure.axes[0].set_ylabel("response / slope's")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    found = data.slope_images(main.id)
    levels = sorted(data.slopes(main.id)["sigma"].dropna().unique(), reverse=True)
    blocks = [style.level_text(level) for level in levels]
    for latent in range(min(LATENTS, found["pushed"].shape[1])):
        axes = figure.add_subplot(grid[1 + latent, :])
        pushed = found["pushed"][:, latent]
        image_grid.grid(
            axes, np.stack([pushed[:, 0], found["denoised"][:, latent], pushed[:, 1]]), rows=ROWS, blocks=blocks
        )
        title = f"$N$ = {main.subset_size:,}, latent {latent + 1}, by noise level"
        style.letter(axes, "bcdefg"[len(cells) - 1 + latent], title, pad=15)
    return figure


def response(shard: pd.DataFrame, step: float) -> Curve:
    """Return |D(x + a u) - D(x - a u)| over what the slope says, over sigma: 1 for an affine denoiser."""
    rows = shard[(shard["parameter"] == "step") & (shard["at"] == step)]
    tables = [over_sigma(rows, quantity) for quantity in ("step_gap", "step_linear")]
    return curves.combined(tables, lambda gap, linear: np.sqrt(gap / linear), stream="trajectory")


def _response(axes: Axes, data: FigureData, cell: Cell) -> None:
    shard, null = data.slopes(cell.id), data.slopes(f"{cell.subset}/empirical")
    steps = sorted(shard.loc[shard["parameter"] == "step", "at"].unique())
    colours, _ = style.ramp(steps)
    style.level(axes, 1, "affine", "gaussian")
    style.null(axes, response(null, steps[-1]), "memoriser, longest push", "empirical")
    for step in steps:
        style.band(axes, response(shard, step), f"push of {step:g} std", color=colours[step], marker="o", ms=2)
    axes.set_ylim(0, 2)
