"""Two denoisers in one: the one inside a range of noise levels, the other outside."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import Denoiser


class SplicedDenoiser:
    """A denoiser that is replaced by another at some noise levels.

    Parameters
    ----------
    outside, inside : Denoiser
        Used elsewhere, and for `low` < sigma <= `high`.
    low, high : float
        Half open, so that neighbouring ranges share no level and together replace every one.
    """

    def __init__(self, outside: Denoiser, inside: Denoiser, low: float, high: float) -> None:
        self.outside, self.inside = outside, inside
        self.low, self.high = low, high

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the estimate of whichever denoiser the noise level falls to."""
        if not isinstance(sigma, Tensor):
            return (self.inside if self.low < sigma <= self.high else self.outside)(noisy, sigma)
        within = ((sigma > self.low) & (sigma <= self.high)).to(noisy.device).reshape(-1, 1, 1, 1)
        return torch.where(within, self.inside(noisy, sigma), self.outside(noisy, sigma))
