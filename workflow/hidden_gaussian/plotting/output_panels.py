"""Outputs of denoisers on the same noisy inputs, by a swept parameter: noised images, and noise alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.plotting import image_grid, style
from hidden_gaussian.plotting.entry import shown
from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.plotting.sweep_axis import SCALE, SIZE, TIME, Groups, SweepAxis, copying, spaced
from hidden_gaussian.plotting.trajectories import LEVELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Images = NDArray[np.float64]
SIGMA4 = 4  # the level 4.07
KINDS = {"of_images": r"$x + \sigma\epsilon$", "of_noise": r"$\sigma\epsilon$"}
"""Arrays of outputs, and the inputs that they are of."""


def denoised(data: FigureData, identifier: str, kind: str) -> Images:
    """Return outputs on one of :data:`KINDS` of input: (levels, images, channels, height, width)."""
    return np.asarray(data.outputs(identifier)[kind], np.float64)


def clean(data: FigureData, identifier: str, kind: str) -> Images:
    """Return what the noise is added to, of shape (images, channels, height, width): images, or 0."""
    images = np.asarray(data.outputs(identifier)["clean"], np.float64)
    return images if kind == "of_images" else np.zeros_like(images)


def draw(
    data: FigureData, blocks: Sequence[tuple[str, int]], sweeps: Sequence[SweepAxis] = (SIZE, SCALE, TIME)
) -> Figure:
    """Return a figure with a panel a sweep: rows of denoisers, in each block a column a place.

    Parameters
    ----------
    blocks : sequence of (str, int)
        Kind of input, and index of the noise level, from 0 at the largest.
    """
    rows = [(axis, spaced(axis.groups(data.index), 6)) for axis in sweeps]
    heights = [1.85 if groups else 0.3 for _, groups in rows]
    figure = style.new(sum(heights))
    panels = figure.subplots(len(rows), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for index, (axes, (axis, groups)) in enumerate(zip(panels, rows, strict=True)):
        if groups:
            _panel(axes, data, axis, groups, blocks)
            sizes = {cell.subset_size for cells in groups.values() for cell in cells}
            fixed = f", $N$ = {min(sizes):,}" if len(sizes) == 1 else ""
            style.letter(axes, "abc"[index], f"by {axis.label}{fixed}", pad=15)
        else:
            style.absent(axes, f"grid.sweeps.{axis.sweep}")
    return figure


def _panel(axes: Axes, data: FigureData, axis: SweepAxis, groups: Groups, blocks: Sequence[tuple[str, int]]) -> None:
    cells = [shown(cells)[0] for cells in groups.values()]
    rows = {
        "network": [cell.id for cell in cells],
        "Gaussian": [f"{cell.subset}/gaussian" for cell in cells],
        "empirical": [f"{cell.subset}/empirical" for cell in cells],
    }
    images = [
        [
            image
            for kind, level in blocks
            for image in (clean(data, ids[0], kind)[0], *(denoised(data, name, kind)[level, 0] for name in ids))
        ]
        for ids in rows.values()
    ]
    titles = [rf"{KINDS[kind]}, $\sigma$ = {style.level_text(LEVELS[level])}" for kind, level in blocks]
    scores = [copying(data, cells).text.replace(", ", "\n") for cells in groups.values()]
    places = [f"{style.number(place)}\n{score}" for place, score in zip(groups, scores, strict=True)]
    image_grid.grid(axes, np.array(images), rows=list(rows), columns=["$x$", *places] * len(blocks), blocks=titles)
    axes.set_xlabel(rf"clean input $x$; {axis.label}, $f_{{\mathrm{{mem}}}}$, GL")
