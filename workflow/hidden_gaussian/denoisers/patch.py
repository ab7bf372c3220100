"""The patch denoiser: each pixel from its surroundings alone, wherever in the training images they are found."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from hidden_gaussian.denoisers.protocol import column

LOGITS = 2**22  # held at a time: 32 MB


class PatchDenoiser:
    """The local empirical posterior of a translation-equivariant denoiser with a field of view of P x P pixels.

    Each pixel is the mean of the centres of all P x P patches of all training images, weighted by
    exp(-|p - q|^2 / (2 s^2)) of the noisy patch p around it and the training patch q: the optimum among denoisers that
    are local and equivariant, as convolutional networks are (Kamb and Ganguli 2024, the equivariant local score).
    Beyond its borders every image, noisy or not, is zero, as the padding of a convolution is; so patches at a border
    are most like patches at the same border. The cost of an image is (height width)^2 N P^2: for small studies.

    Parameters
    ----------
    images : Tensor of shape (N, channels, height, width), uint8
        Training images.
    size : int
        P, odd.
    """

    def __init__(self, images: Tensor, size: int) -> None:
        if size % 2 == 0:
            raise ValueError(f"the patches of a patch denoiser have a centre: {size} must be odd")
        self.images, self.size = images, size

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the local posterior mean of each pixel; in float64, which low noise needs."""
        precise = noisy.double()
        pixels = noisy.shape[-2] * noisy.shape[-1]
        precision = column(sigma, precise).expand(len(noisy), 1).repeat_interleave(pixels, 0) ** -2
        queries = self._patches(precise)
        few = max(1, LOGITS // pixels)
        chunks = zip(torch.split(queries, few), torch.split(precision, few), strict=True)
        parts = [self._posterior(*part) for part in chunks]
        centres = torch.cat(parts).reshape(len(noisy), pixels, -1)
        return centres.transpose(1, 2).reshape(noisy.shape).to(noisy)

    def _posterior(self, queries: Tensor, precision: Tensor) -> Tensor:
        """Return the mean centre, of shape (queries, channels), by an online softmax over training images."""
        best = queries.new_full((len(queries), 1), -torch.inf)
        mass, total = torch.zeros_like(best), queries.new_zeros(len(queries), self.images.shape[1])
        for image in self.images:
            clean = image[None].to(queries) / 127.5 - 1
            keys = self._patches(clean)
            logits = (queries @ keys.T - keys.square().sum(1) / 2) * precision
            highest = torch.maximum(best, logits.amax(1, keepdim=True))
            weights, decay = torch.exp(logits - highest), torch.exp(best - highest)
            mass = mass * decay + weights.sum(1, keepdim=True)
            total = total * decay + weights @ clean[0].flatten(1).T
            best = highest
        return total / mass

    def _patches(self, images: Tensor) -> Tensor:
        """Return the patches around all pixels as rows, of shape (images * height * width, channels * P * P)."""
        patches = functional.unfold(images, self.size, padding=self.size // 2)
        return patches.transpose(1, 2).flatten(0, 1)
