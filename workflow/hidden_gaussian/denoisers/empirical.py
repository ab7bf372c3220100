"""The empirical (multi-delta) denoiser: optimal for the training images themselves, the perfect memoriser."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import column


class EmpiricalDenoiser:
    """The posterior mean under equal point masses on the training images, Li et al. eq. (5).

    A softmax of -|x - y|^2 / (2 s^2) over the images y, streamed over tiles with a running maximum, so that any tile
    gives the same answer and memory does not grow with their number (Milakov & Gimelshein 2018).

    Parameters
    ----------
    images : Tensor of shape (N, channels, height, width), uint8 or floating
        Training images; uint8 pixels are mapped to [-1, 1] tile by tile.
    tile : int
        Images at a time.
    """

    def __init__(self, images: Tensor, tile: int = 4096) -> None:
        if len(images) == 0 or tile < 1:
            raise ValueError(f"an empirical denoiser needs images and a tile of at least 1, not {len(images)}, {tile}")
        self.images = images
        self.tile = tile

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image."""
        flat = noisy.flatten(1)
        precise = flat.double()  # at s = 0.002 a float32 logit would be off by whole units
        precision = column(sigma, precise) ** -2
        best = precise.new_full((len(flat), 1), -torch.inf)
        mass, total = flat.new_zeros(len(flat), 1), torch.zeros_like(flat)
        for start in range(0, len(self.images), self.tile):
            tile = self._tile(start).to(precise)
            # -|x - y|^2 / (2 s^2) less the term in |x|^2, which all images share
            logits = (precise @ tile.T - tile.square().sum(1) / 2) * precision
            highest = torch.maximum(best, logits.amax(1, keepdim=True))
            weights = torch.exp(logits - highest).to(flat)
            decay = torch.exp(best - highest).to(flat)
            mass = mass * decay + weights.sum(1, keepdim=True)
            total = total * decay + weights @ tile.to(flat)
            best = highest
        return (total / mass).reshape(noisy.shape)

    def _tile(self, start: int) -> Tensor:
        tile = self.images[start : start + self.tile].flatten(1)
        return tile.double() / 127.5 - 1 if tile.dtype == torch.uint8 else tile
