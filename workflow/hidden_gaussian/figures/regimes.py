"""Samples beside their nearest training images, from memorising to generalising networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import SIZE, Entry, FigureData, copying, image_grid, nearest_images, shown, spaced, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LATENTS, SIZES = 8, 4


def _needs(index: ResultsIndex) -> list[str]:
    return index.nearest_images(shown(index.cells("size")))


ENTRY = Entry("Samples and their nearest training images", "Fig. 12", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: for each of some sizes, network, nearest training image and own Gaussian."""
    groups = spaced(SIZE.groups(data.index), SIZES)
    rows = (len(groups) + 1) // 2
    figure = style.new(1.2 * rows, images=True)
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes in panels[len(groups) :]:
        axes.set_axis_off()
    for index, (axes, (size, cells)) in enumerate(zip(panels, groups.items(), strict=False)):
        cell = shown(cells)[0]
        network = np.asarray(data.samples(cell.id, data.index.solver(cell.id))[:LATENTS])
        gaussian = np.asarray(data.samples(f"{cell.subset}/gaussian", "exact")[:LATENTS])
        names = ["nearest", "network", "Gaussian"] if index % 2 == 0 else []
        image_grid.grid(axes, np.stack([nearest_images(data, cell.id, len(network)), network, gaussian]), rows=names)
        scores = rf"$f_{{\mathrm{{mem}}}}$, GL: {copying(data, cells).text}"
        style.letter(axes, "abcd"[index], f"$N$ = {size:,} ({scores})")
    return figure
