"""What every denoiser is: the only thing that samplers, distillation and metrics know."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Denoiser(Protocol):
    """An estimate of the clean image behind a noisy one."""

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the estimate.

        Parameters
        ----------
        noisy : Tensor of shape (batch, channels, height, width)
            Clean pixels in [-1, 1] plus noise.
        sigma : float or Tensor of shape () or (batch,)
            Standard deviation of the noise.

        Returns
        -------
        Tensor of the shape of `noisy`
        """
        ...


def column(sigma: Tensor | float, like: Tensor) -> Tensor:
    """Return sigma as a (1 or batch, 1) column in the precision and on the device of `like`."""
    return torch.as_tensor(sigma, dtype=like.dtype, device=like.device).reshape(-1, 1)
