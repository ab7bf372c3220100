"""What each denoiser sees on the sampler's way from noise to image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.noise_schedule import schedule
from hidden_gaussian.plotting import SAMPLER, STEPS, Entry, FigureData, image_grid, needs, outputs, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LATENTS = 2


def _needs(index: ResultsIndex) -> list[str]:
    return needs.every_denoiser(index, "trajectories_{}.npy", "euler10", "euler10", "euler10")


ENTRY = Entry("Outputs along the sampling trajectory", "Fig. 2 right", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: rows of denoisers, columns of noise levels, for two latents."""
    main = data.index.main
    subjects = {
        "network": main.id,
        "empirical": f"{main.subset}/empirical",
        "Gaussian": f"{main.subset}/gaussian",
        "linear": f"{main.id}/linear",
    }
    states = [data.trajectories(identifier, SAMPLER)[:LATENTS] for identifier in subjects.values()]
    images = np.stack([outputs(way.astype(np.float64)) for way in states])
    figure = style.new(4.7, images=True)
    for latent, axes in enumerate(figure.subplots(images.shape[1], 1, squeeze=False).flat):
        labels = [rf"{sigma:.2g}" if sigma < 10 else f"{sigma:.0f}" for sigma in schedule(STEPS)]
        image_grid.grid(axes, images[:, latent], rows=list(subjects), columns=labels if latent else [])
        style.letter(axes, "ab"[latent], f"latent {latent + 1}")
    axes.set_xlabel(r"noise level $\sigma$ of the step")
    return figure
