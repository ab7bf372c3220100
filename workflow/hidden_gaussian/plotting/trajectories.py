"""Outputs of denoisers along the 10-step Euler sampler, each on its own trajectory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian import tables
from hidden_gaussian.noise_schedule import schedule
from hidden_gaussian.plotting.figure_data import FigureData

LEVELS = [float(sigma) for sigma in schedule(10)]
"""Noise levels of the sampler, and of the outputs on shared inputs."""


def outputs_of(data: FigureData, identifier: str, count: int | None = None) -> NDArray[np.float64]:
    """Return a denoiser's outputs along its trajectories: (latents, steps, channels, height, width)."""
    return tables.outputs_along(data.trajectories(identifier)[:count])
