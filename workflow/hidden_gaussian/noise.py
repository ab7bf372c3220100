"""The noise itself, and the levels it comes at."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hidden_gaussian import seeding
from hidden_gaussian.noise_schedule import SIGMA_MAX, schedule

__all__ = ["SIGMA_MAX", "noise_for", "schedule"]


def noise_for(indices: Sequence[int], shape: Sequence[int], *, seed: int, purpose: str) -> Tensor:
    """Return standard normal noise for some samples, the same however they are batched.

    Parameters
    ----------
    indices : sequence of int
        Sample numbers; each has a generator of its own.
    shape : sequence of int
        Shape of one sample.
    seed : int
        Root seed of the study.
    purpose : str
        What the noise is for: other purposes have other noise.

    Returns
    -------
    Tensor of shape (len(indices), *shape), float32, on the CPU
        Drawn there for every device, so that results do not depend on it.
    """
    noise = torch.empty(len(indices), *shape)
    for row, index in zip(noise, indices, strict=True):
        row.normal_(generator=seeding.stream(seed, purpose, index))
    return noise
