"""What each denoiser sees on the sampler's way from noise to image."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hidden_gaussian.figures import strips, style
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.levels import schedule

LATENTS = 2
SAMPLER, STEPS = "euler10", 10


def outputs(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the denoised images at every step, recovered from the states of the Euler sampler.

    Parameters
    ----------
    states : ndarray of shape (samples, steps + 1, channels, height, width)
        x_0 at the noisiest level to x_steps without noise.

    Returns
    -------
    ndarray of shape (samples, steps, channels, height, width)
        D(x_i; s_i) = (x_{i+1} - r x_i) / (1 - r) with r = s_{i+1} / s_i (Li et al. eq. 4 solved for D).
    """
    sigmas = np.append(schedule(STEPS), 0.0)
    share = (sigmas[1:] / sigmas[:-1]).reshape(-1, 1, 1, 1)
    denoised: NDArray[np.float64] = (states[:, 1:] - share * states[:, :-1]) / (1 - share)
    return denoised


def draw(data: FigureData) -> Figure:
    """Return the figure: rows of denoisers, columns of noise levels, for two latents."""
    main = data.plan.main
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
        strips.grid(axes, images[:, latent], rows=list(subjects), columns=labels if latent else [])
        style.letter(axes, "ab"[latent], f"latent {latent + 1}")
    axes.set_xlabel(r"noise level $\sigma$ of the step")
    return figure
