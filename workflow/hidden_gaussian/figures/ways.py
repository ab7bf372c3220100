"""What denoisers see along the 10-step Euler sampler, by a varied parameter or by architecture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hidden_gaussian.figures import strips, style
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.denoising_outputs import SAMPLER, STEPS, outputs
from hidden_gaussian.figures.entry import shown
from hidden_gaussian.figures.varied import Groups, Varied, copying, spaced
from hidden_gaussian.levels import schedule

Images = NDArray[np.float64]
LEVELS = [float(sigma) for sigma in schedule(STEPS)]


def seen(data: FigureData, identifier: str, count: int | None = None) -> Images:
    """Return a denoiser's outputs on its own way from shared latents: (latents, steps, channels, height, width)."""
    return outputs(np.asarray(data.trajectories(identifier, SAMPLER)[:count], np.float64))


def draw(data: FigureData, sweeps: Sequence[Varied], steps: Sequence[int], latents: int) -> Figure:
    """Return a figure of outputs at some levels: a panel a sweep, a column a place, blocks of levels and latents.

    Parameters
    ----------
    steps : sequence of int
        Steps of the sampler, from 0 at the largest noise.
    latents : int
        How many latents are shown.
    """
    found = [(varied, spaced(varied.groups(data.plan), 8)) for varied in sweeps]
    heights = [1.75 if groups else 0.3 for _, groups in found]
    figure = style.new(sum(heights))
    panels = figure.subplots(len(found), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for index, (axes, (varied, groups)) in enumerate(zip(panels, found, strict=True)):
        if groups:
            _panel(axes, data, varied, groups, steps, latents)
            style.letter(axes, "abc"[index], f"by {varied.label}", pad=15 if latents == 1 else 26)
        else:
            style.absent(axes, f"grid.sweeps.{varied.sweep}")
    return figure


def _panel(axes: Axes, data: FigureData, varied: Varied, groups: Groups, steps: Sequence[int], latents: int) -> None:
    cells = [shown(cells)[0] for cells in groups.values()]
    rows = {
        "network": [seen(data, cell.id, latents) for cell in cells],
        "Gaussian": [seen(data, f"{cell.subset}/gaussian", latents) for cell in cells],
        "empirical": [seen(data, f"{cell.subset}/empirical", latents) for cell in cells],
    }
    images = [
        np.stack(
            [ways[place][latent, step] for step in steps for latent in range(latents) for place in range(len(cells))]
        )
        for ways in rows.values()
    ]
    number = {latent: f"latent {latent + 1}\n" if latents > 1 else "" for latent in range(latents)}
    blocks = [
        rf"{number[latent]}$\sigma$ = {style.level_text(LEVELS[step])}" for step in steps for latent in range(latents)
    ]
    scores = [100 * float(copying(data, cells).memorised.value[0]) for cells in groups.values()]
    places = [f"{style.number(place)}\n{score:.0f} %" for place, score in zip(groups, scores, strict=True)]
    strips.grid(axes, np.stack(images), rows=list(rows), columns=places * len(blocks), blocks=blocks)
    axes.set_xlabel(rf"{varied.label}, and the memorised fraction $f_{{\mathrm{{mem}}}}$")
