"""Noise levels of samplers and measurements, without torch."""

from __future__ import annotations

import numpy as np

SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7.0
AUTOENCODERS = 10
"""Number of networks of a ``dae-*`` cell: one for each level of the schedule of this length."""
SOLVERS = {"euler10": ("euler", 10), "heun18": ("heun", 18), "heun40": ("heun", 40)}
"""Samplers by name: scheme and number of noise levels."""


def schedule(levels: int, sigma_min: float = SIGMA_MIN, sigma_max: float = SIGMA_MAX, rho: float = RHO) -> np.ndarray:
    """Return the noise levels of a sampler, from the noisiest to the cleanest.

    Parameters
    ----------
    levels : int
        Number of levels, at least 2.
    sigma_min, sigma_max : float
        Last and first standard deviation; pixels are in [-1, 1].
    rho : float
        Curvature: a larger one puts more levels at low noise.

    Returns
    -------
    ndarray of shape (levels,), float64
        Descending, without the final 0 of a sampler (Karras et al. 2022, eq. 5).

    Examples
    --------
    >>> schedule(3).tolist()
    [80.0, 2.5152189761, 0.002]
    """
    if levels < 2:
        raise ValueError(f"a schedule needs at least 2 levels, not {levels}")
    ramp = np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), levels)
    # powers differ in the last digit between machines, but a level must have the same number on all
    return np.round(ramp**rho, 10)


def sampler_levels(sampler: str, sigma_max: float = SIGMA_MAX) -> list[float]:
    """Return the noise levels of a sampler's states, from the latents to the samples at 0.

    Parameters
    ----------
    sampler : str
        One of :data:`SOLVERS`, or ``exact``, which has the levels of heun18.
    sigma_max : float
        First level.

    Examples
    --------
    >>> sampler_levels("euler10")[-2:]
    [0.002, 0.0]
    """
    steps = SOLVERS.get(sampler, SOLVERS["heun18"])[1]
    return [*schedule(steps, sigma_max=sigma_max).tolist(), 0.0]
