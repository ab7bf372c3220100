"""What denoisers see along the 10-step Euler sampler, each on its own way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.noise_schedule import schedule
from hidden_gaussian.plotting.figure_data import FigureData

SAMPLER, STEPS = "euler10", 10
Images = NDArray[np.float64]
LEVELS = [float(sigma) for sigma in schedule(STEPS)]


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


def seen(data: FigureData, identifier: str, count: int | None = None) -> Images:
    """Return a denoiser's outputs on its own way from shared latents: (latents, steps, channels, height, width)."""
    return outputs(np.asarray(data.trajectories(identifier, SAMPLER)[:count], np.float64))
