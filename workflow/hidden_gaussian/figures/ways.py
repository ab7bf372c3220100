"""What denoisers see along the 10-step Euler sampler, each on its own way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.denoising_outputs import SAMPLER, STEPS, outputs
from hidden_gaussian.levels import schedule

Images = NDArray[np.float64]
LEVELS = [float(sigma) for sigma in schedule(STEPS)]


def seen(data: FigureData, identifier: str, count: int | None = None) -> Images:
    """Return a denoiser's outputs on its own way from shared latents: (latents, steps, channels, height, width)."""
    return outputs(np.asarray(data.trajectories(identifier, SAMPLER)[:count], np.float64))
