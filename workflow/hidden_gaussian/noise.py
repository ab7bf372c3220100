"""Noise that all denoisers share, and its levels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hidden_gaussian import seeding
from hidden_gaussian.noise_schedule import SIGMA_MAX, schedule

__all__ = ["SIGMA_MAX", "noise_for", "schedule"]


def noise_for(indices: Sequence[int], shape: Sequence[int], *, seed: int, purpose: str) -> Tensor:
    """Return standard normal noise for some samples; it does not depend on how they are batched.

    Parameters
    ----------
    indices : sequence of int
        Sample numbers; each has its own generator.
    shape : sequence of int
        Shape of one sample.
    seed : int
        Root seed of the study.
    purpose : str
        Name of the noise: another name gives other noise.

    Returns
    -------
    Tensor of shape (len(indices), *shape), float32, on the CPU
        It is always drawn on the CPU, so that it does not depend on the device.

    Examples
    --------
    >>> noise = noise_for(range(4), (1, 8, 8), seed=0, purpose="example")
    >>> torch.equal(noise[2:], noise_for([2, 3], (1, 8, 8), seed=0, purpose="example"))
    True
    """
    noise = torch.empty(len(indices), *shape)
    for row, index in zip(noise, indices, strict=True):
        row.normal_(generator=seeding.stream(seed, purpose, index))
    return noise
