"""Training losses: the distribution of noise levels, and the weight of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hidden_gaussian.settings import Training
from hidden_gaussian.training.batches import Batch, Levels, log_normal

VE_RANGE = (0.02, 100.0)
"""Range of noise levels in training by Song et al., from Karras et al. (2022), table 1."""


class Objective(NamedTuple):
    """The distribution of noise levels, and the loss of a batch.

    Attributes
    ----------
    levels : callable
        (standard normal numbers, training settings) -> sigma, of the same shape.
    loss : callable
        (network, batch, sigma_data) -> loss of each image, of shape (batch,).
    """

    levels: Levels
    loss: Callable[[nn.Module, Batch, float], Tensor]


def squared_error(network: nn.Module, batch: Batch) -> Tensor:
    """Return |D(y + sigma eps; sigma) - y|^2 of each image, of shape (batch,)."""
    denoised: Tensor = network(batch.clean + batch.sigma[:, None, None, None] * batch.noise, batch.sigma, batch.labels)
    return (denoised - batch.clean).square().flatten(1).sum(1)


def edm_loss(network: nn.Module, batch: Batch, sigma_data: float) -> Tensor:
    """Return the weighted squared error of each image, summed over its pixels.

    (sigma^2 + s^2) / (sigma s)^2 |D(y + sigma eps; sigma) - y|^2, with s = `sigma_data`: Karras et al. 2022, eq. 2 and
    table 1; Li et al. eq. (52).

    Returns
    -------
    Tensor of shape (batch,)
    """
    weight = (batch.sigma**2 + sigma_data**2) / (batch.sigma * sigma_data) ** 2
    return weight * squared_error(network, batch)


def ve_loss(network: nn.Module, batch: Batch, sigma_data: float) -> Tensor:
    """Return |D(y + sigma eps; sigma) - y|^2 / sigma^2 of each image: Karras et al. (2022), table 1, column VE."""
    return squared_error(network, batch) / batch.sigma**2


def plain_loss(network: nn.Module, batch: Batch, sigma_data: float) -> Tensor:
    """Return |D(y + sigma eps; sigma) - y|^2 of each image: Li et al. eq. (3)."""
    return squared_error(network, batch)


def log_uniform(normal: Tensor, settings: Training) -> Tensor:
    """Turn standard normal numbers into noise levels with a uniform logarithm over `VE_RANGE`."""
    low, high = (math.log(level) for level in VE_RANGE)
    return torch.exp(low + (high - low) * torch.special.ndtr(normal))


def constant(normal: Tensor, settings: Training, *, sigma: float) -> Tensor:
    """Return the same noise level for every image."""
    return torch.full_like(normal, sigma)


EDM = Objective(log_normal, edm_loss)
VARIANCE_EXPLODING = Objective(log_uniform, ve_loss)


def at_level(sigma: float) -> Objective:
    """Return the plain loss at one noise level."""
    return Objective(partial(constant, sigma=sigma), plain_loss)


def objective_of(architecture: str) -> Objective:
    """Return the noise levels and loss for an architecture that learns all noise levels together."""
    return VARIANCE_EXPLODING if architecture == "ve-baseline" else EDM
