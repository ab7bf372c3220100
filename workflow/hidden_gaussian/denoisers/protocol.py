"""What every denoiser is: the only thing that samplers, distillation and metrics know."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from hidden_gaussian.errors import InputError


class Denoiser(Protocol):
    """An estimate of the clean image behind a noisy one."""

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the estimate.

        Parameters
        ----------
        noisy : Tensor of shape (batch, channels, height, width)
            Clean pixels in [-1, 1] plus noise. It is not changed: work on a copy.
        sigma : float or Tensor of shape () or (batch,)
            Standard deviation of the noise.

        Returns
        -------
        Tensor of the shape of `noisy`
            Without a gradient: a network's function is decorated with ``torch.no_grad``.
        """
        ...


def checked(denoiser: Denoiser, noisy: Tensor, sigma: float, name: str) -> Tensor:
    """Return the estimate of a denoiser that may be anybody's function.

    Raises
    ------
    InputError
        If it returns no tensor of the shape of `noisy`, one with a gradient or numbers that are not finite, or has
        changed what it was given.
    """
    given = noisy.clone()
    denoised = denoiser(given, sigma)
    at = f"the denoiser {name}, at sigma {sigma:g},"
    if not isinstance(denoised, Tensor):
        raise InputError(f"{at} returned a {type(denoised).__name__}, expected a tensor")
    if denoised.shape != noisy.shape:
        raise InputError(f"{at} returned the shape {tuple(denoised.shape)}, expected {tuple(noisy.shape)}")
    if denoised.requires_grad:
        raise InputError(f"{at} returned a tensor with a gradient: decorate its function with torch.no_grad()")
    if not torch.isfinite(denoised).all():
        raise InputError(f"{at} returned NaN or infinite pixels")
    if not torch.equal(given, noisy):
        raise InputError(f"{at} changed the noisy images that it was given: let it work on a copy")
    return denoised


def column(sigma: Tensor | float, like: Tensor) -> Tensor:
    """Return sigma as a (1 or batch, 1) column in the precision and on the device of `like`."""
    return torch.as_tensor(sigma, dtype=like.dtype, device=like.device).reshape(-1, 1)
