"""What each denoiser predicts along its sampling trajectory, from noise to image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import LEVELS, Entry, FigureData, image_grid, needs, outputs_of, style
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
    denoisers = {
        "network": main.id,
        "empirical": f"{main.subset}/empirical",
        "Gaussian": f"{main.subset}/gaussian",
        "linear": f"{main.id}/linear",
    }
    images = np.stack([outputs_of(data, identifier, LATENTS) for identifier in denoisers.values()])
    figure = style.new(4.7, images=True)
    for latent, axes in enumerate(figure.subplots(images.shape[1], 1, squeeze=False).flat):
        labels = [rf"{sigma:.2g}" if sigma < 10 else f"{sigma:.0f}" for sigma in LEVELS]
        image_grid.grid(axes, images[:, latent], rows=list(denoisers), columns=labels if latent else [])
        style.letter(axes, "ab"[latent], f"latent {latent + 1}")
    axes.set_xlabel(r"noise level $\sigma$ of the step")
    return figure
