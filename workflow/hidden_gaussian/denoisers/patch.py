"""The patch denoiser: each pixel from its surroundings alone, wherever in the training images they are found."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from hidden_gaussian.denoisers.empirical.denoiser import FLOOR
from hidden_gaussian.denoisers.protocol import column

TOGETHER = 512  # patches of either side compared at a time: their logits, 2 MB, stay in a core's cache


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
        """Return the local posterior mean of each pixel; logits are taken in float64, which low noise needs."""
        pixels = noisy.shape[-2] * noisy.shape[-1]
        queries = self._patches(noisy.double())
        precision = column(sigma, queries).expand(len(noisy), 1).repeat_interleave(pixels, 0) ** -2
        chunks = zip(torch.split(queries, TOGETHER), torch.split(precision, TOGETHER), strict=True)
        parts = [self._posterior(*part, noisy.dtype) for part in chunks]
        centres = torch.cat(parts).reshape(len(noisy), pixels, -1)
        return centres.transpose(1, 2).reshape(noisy.shape).to(noisy)

    def _posterior(self, queries: Tensor, precision: Tensor, kind: torch.dtype) -> Tensor:
        """Return the mean centre, of shape (queries, channels), by an online softmax; its weights are of this type."""
        channels = self.images.shape[1]
        # finite, since -inf times a slope of zero would be no number
        best = queries.new_full((len(queries), 1), torch.finfo(queries.dtype).min)
        total = queries.new_zeros(len(queries), channels + 1)  # of weighted centres, and of weights
        for images in torch.split(self.images, max(1, TOGETHER // self.images[0, 0].numel())):
            clean = images.to(queries) / 127.5 - 1
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
