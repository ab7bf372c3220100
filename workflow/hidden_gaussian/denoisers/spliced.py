"""Two denoisers in one, each for some of the noise levels."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import Denoiser


class SplicedDenoiser:
    """A denoiser that another one replaces in a range of noise levels.

    Parameters
    ----------
    outside, inside : Denoiser
        `inside` is used for `low` < sigma <= `high`, `outside` elsewhere.
    low, high : float
        The range is half open, so that ranges side by side replace every level exactly once.

    Examples
    --------
    >>> from hidden_gaussian.denoisers import IdentityDenoiser, MeanDenoiser
    >>> spliced = SplicedDenoiser(IdentityDenoiser(), MeanDenoiser(torch.zeros(1, 1, 1)), low=1.0, high=80.0)
    >>> [spliced(torch.ones(1, 1, 1, 1), sigma).item() for sigma in (1.0, 2.0)]
    [1.0, 0.0]
    """

    def __init__(self, outside: Denoiser, inside: Denoiser, low: float, high: float) -> None:
        self.outside, self.inside = outside, inside
        self.low, self.high = low, high

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the estimate of the denoiser in charge of the noise level, image by image if levels differ."""
        if not isinstance(sigma, Tensor):
            return (self.inside if self.low < sigma <= self.high else self.outside)(noisy, sigma)
        within = ((sigma > self.low) & (sigma <= self.high)).to(noisy.device).reshape(-1, 1, 1, 1)
        return torch.where(within, self.inside(noisy, sigma), self.outside(noisy, sigma))
