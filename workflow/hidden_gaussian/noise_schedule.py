"""Noise levels of samplers and measurements; known without importing torch."""

from __future__ import annotations

import numpy as np

SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7.0
AUTOENCODERS = 10
"""Networks of a ``dae-*`` cell, one a level of the schedule of this length."""
SOLVERS = {"euler10": ("euler", 10), "heun18": ("heun", 18), "heun40": ("heun", 40)}
"""Samplers by name: their scheme and how many noise levels they visit."""


def schedule(levels: int, sigma_min: float = SIGMA_MIN, sigma_max: float = SIGMA_MAX, rho: float = RHO) -> np.ndarray:
    """Return the noise levels of a sampler, from the noisiest to the cleanest.

    Parameters
    ----------
    levels : int
        How many; at least 2.
    sigma_min, sigma_max : float
        Last and first standard deviation; pixels are in [-1, 1].
    rho : float
        Curvature: larger spends more levels at low noise.

    Returns
    -------
    ndarray of shape (levels,), float64
        Descending; the final 0 of a sampler is not among them (Karras et al. 2022, eq. 5).
    """
    if levels < 2:
        raise ValueError(f"a schedule needs at least 2 levels, not {levels}")
    ramp = np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), levels)
    # rounded, so that machines whose powers differ in the last digit call a level by the same number
    return np.round(ramp**rho, 10)


def sampler_levels(sampler: str, sigma_max: float = SIGMA_MAX) -> list[float]:
    """Return the noise levels of a sampler's states, from the latents to the samples at 0.

    Parameters
    ----------
    sampler : str
        One of :data:`SOLVERS`, or ``exact``, which has the levels of heun18.
    sigma_max : float
        Level at which it starts.
    """
    steps = SOLVERS.get(sampler, SOLVERS["heun18"])[1]
    return [*schedule(steps, sigma_max=sigma_max).tolist(), 0.0]
