"""The two denoisers at the ends of the scale: one ignores the noise, the other ignores the image."""

from __future__ import annotations

from torch import Tensor


class IdentityDenoiser:
    """Return the noisy image: the limit of no noise.

    Examples
    --------
    >>> import torch
    >>> IdentityDenoiser()(torch.ones(1, 1, 1, 2), 0.5)
    tensor([[[[1., 1.]]]])
    """

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return a copy of `noisy`."""
        return noisy.clone()


class MeanDenoiser:
    """Return the mean image: the limit of infinite noise.

    Parameters
    ----------
    mean : Tensor of shape (channels, height, width)

    Examples
    --------
    >>> import torch
    >>> MeanDenoiser(torch.zeros(1, 1, 2))(torch.ones(1, 1, 1, 2), 0.5)
    tensor([[[[0., 0.]]]])
    """

    def __init__(self, mean: Tensor) -> None:
        self.mean = mean

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the mean image for each noisy image."""
        return self.mean.to(noisy).expand_as(noisy).clone()
