"""The two denoisers that bound the scale: believe everything, or nothing."""

from __future__ import annotations

from torch import Tensor


class IdentityDenoiser:
    """Return the noisy image: right where there is no noise."""

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return `noisy`."""
        return noisy.clone()


class MeanDenoiser:
    """Return the mean image: right where there is nothing but noise.

    Parameters
    ----------
    mean : Tensor of shape (channels, height, width)
    """

    def __init__(self, mean: Tensor) -> None:
        self.mean = mean

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the mean image for every noisy one."""
        return self.mean.to(noisy).expand_as(noisy).clone()
