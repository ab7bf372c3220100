"""The patch denoiser: each pixel from the patch around it, compared with all patches of the training images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from hidden_gaussian.denoisers.empirical.denoiser import FLOOR
from hidden_gaussian.denoisers.protocol import column
from hidden_gaussian.pixels import to_unit

TOGETHER = 512  # noisy and training patches compared at a time: their logits (2 MB) stay in a core's cache


class PatchDenoiser:
    """The optimal denoiser that is translation-equivariant and sees P x P pixels (Kamb and Ganguli 2024).

    Each pixel is a mean of the centres of all P x P patches q of the training images, weighted by
    exp(-|p - q|^2 / (2 s^2)) for the noisy patch p around the pixel: the equivariant local score. All images are
    padded with zeros, like in a convolution, so a patch at a border resembles patches at the same border most. One
    image costs (height width)^2 N P^2 operations.

    Parameters
    ----------
    images : Tensor of shape (N, channels, height, width), uint8
        Training images.
    size : int
        P, odd.

    Examples
    --------
    >>> images = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)
    >>> PatchDenoiser(images, 1)(torch.zeros(1, 1, 1, 1), 0.5).item()
    0.0
    """

    def __init__(self, images: Tensor, size: int) -> None:
        if size % 2 == 0:
            raise ValueError(f"the patch size is {size}; give an odd one, because patches need a centre")
        self.images, self.size = images, size

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the local posterior mean of each pixel; logits are float64, because low noise needs it."""
        pixels = noisy.shape[-2] * noisy.shape[-1]
        queries = self._patches(noisy.double())
        precision = column(sigma, queries).expand(len(noisy), 1).repeat_interleave(pixels, 0) ** -2
        chunks = zip(torch.split(queries, TOGETHER), torch.split(precision, TOGETHER), strict=True)
        parts = [self._posterior(*part, noisy.dtype) for part in chunks]
        centres = torch.cat(parts).reshape(len(noisy), pixels, -1)
        return centres.transpose(1, 2).reshape(noisy.shape).to(noisy)

    def _posterior(self, queries: Tensor, precision: Tensor, kind: torch.dtype) -> Tensor:
        """Return mean centres of shape (queries, channels) by an online softmax with weights of this type."""
        channels = self.images.shape[1]
        # finite, because the derivative would be 0 * -inf
        best = queries.new_full((len(queries), 1), torch.finfo(queries.dtype).min)
        total = queries.new_zeros(len(queries), channels + 1)  # of weighted centres, and of weights
        for images in torch.split(self.images, max(1, TOGETHER // self.images[0, 0].numel())):
            clean = to_unit(images.to(queries))
            keys, centres = self._patches(clean), clean.flatten(2).transpose(0, 1).flatten(1)
            logits = torch.addmm(keys.square().sum(1) / -2, queries, keys.T)
            highest = torch.maximum(best, logits.detach().amax(1, keepdim=True))
            weights = (logits.sub_(highest) * precision).to(kind).clamp_(min=FLOOR).exp_()
            values = torch.cat([centres, torch.ones_like(centres[:1])]).to(kind)
            total = total * torch.exp((best - highest) * precision) + functional.linear(weights, values)
            best = highest
        return total[:, :channels] / total[:, channels:]

    def _patches(self, images: Tensor) -> Tensor:
        """Return the patches around all pixels as rows, of shape (images * height * width, channels * P * P)."""
        patches = functional.unfold(images, self.size, padding=self.size // 2)
        return patches.transpose(1, 2).flatten(0, 1)
