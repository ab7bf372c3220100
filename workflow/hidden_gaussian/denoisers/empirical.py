"""The empirical (multi-delta) denoiser: optimal for the training images themselves, the perfect memoriser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import column

ROUNDING = 2.0**-24  # of float32, relative
TYPICAL = 0.12  # standard error of a float32 product of x and y over ROUNDING |x| |y|, measured
ACCURACY = 1.7e-7  # standard error wanted of a pixel, so that the largest of a million stays below 1e-6
NEGLIGIBLE = 1e-12  # a weight relative to the largest; a million of them would not show
FLOOR = -80.0  # logits below the largest by more count as this: exp of less is slow, and nothing


class Concentration(NamedTuple):
    """How many training images speak, each of shape (batch,), float64.

    Attributes
    ----------
    entropy : Tensor
        Of the posterior over the training images, in nats; log N where all are equal.
    effective : Tensor
        Effective sample size 1 / sum w^2; 1 where one image has all the weight.
    """

    entropy: Tensor
    effective: Tensor


class EmpiricalDenoiser:
    """The posterior mean under equal point masses on the training images, Li et al. eq. (5).

    A softmax of -|x - y|^2 / (2 s^2) over the images y, streamed over tiles with a running maximum, so that any tile
    gives the same answer and memory does not grow with their number (Milakov & Gimelshein 2018).

    Float32 inputs are denoised to 1e-6 of the float64 result at every noise level by two float32 products a tile: the
    first screens, and the logits that matter are evaluated again in float64. Those are the ones of a weight w with
    e sqrt(w) above `ACCURACY`, e being the standard error of a screened logit: the others' errors average out below it.
    The second product leaves out images without weight. Float64 inputs are denoised in float64 throughout.

    Parameters
    ----------
    images : Tensor of shape (N, channels, height, width), uint8 or floating
        Training images; uint8 pixels stand for v / 127.5 - 1 and are converted tile by tile.
    tile : int
        Images at a time.
    """

    def __init__(self, images: Tensor, tile: int = 4096) -> None:
        if len(images) == 0 or tile < 1:
            raise ValueError(f"an empirical denoiser needs images and a tile of at least 1, not {len(images)}, {tile}")
        self.images = images.flatten(1)
        self.tile = tile
        self.scale, self.offset = (127.5, 127.5) if images.dtype == torch.uint8 else (1.0, 0.0)
        total = torch.stack([part.sum(0, dtype=torch.float64) for part in torch.split(self.images, tile)]).sum(0)
        # whole numbers for uint8 pixels: then their differences are exact in any precision
        self.centre = (total / len(images)).round() if images.dtype == torch.uint8 else total / len(images)
        self.halves = torch.cat([part.square().sum(1, dtype=torch.float64) / 2 for part in self._tiles(torch.float32)])

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image; gradients may be taken of it."""
        if len(noisy) == 0:
            return noisy
        precise, precision = self._in_units(noisy, sigma)
        flat = precise.to(noisy.dtype)
        best, mass = precise.new_full((len(flat), 1), -torch.inf), precise.new_zeros(len(flat), 1)
        total = torch.zeros_like(flat)
        for number, tile in enumerate(self._tiles(flat.dtype, kept=noisy.requires_grad)):
            logits = self._logits(number, tile, flat, precise, precision, best + mass.log())
            highest = torch.maximum(best, logits.amax(1, keepdim=True))
            weights = (logits - highest).clamp(min=FLOOR).exp()
            decay = torch.exp(best - highest)
            mass = mass * decay + weights.sum(1, keepdim=True)
            best, weights = highest, weights.to(flat)
            if flat.dtype != torch.float64:  # whose shapes do not depend on values, so that it can be batched by vmap
                heard = (weights.amax(0) > NEGLIGIBLE).nonzero().squeeze(1)
                if len(heard) < len(tile) // 2:
                    weights, tile = weights[:, heard], tile[heard]
            total = torch.addmm((total * decay).to(flat), weights, tile)
        centre = (self.centre - self.offset) / self.scale
        return (total / (mass * self.scale) + centre).to(noisy).reshape(noisy.shape)

    def concentration(self, noisy: Tensor, sigma: Tensor | float) -> Concentration:
        """Return entropy and effective sample size of the posterior of each noisy image, in float64."""
        flat, precision = self._in_units(noisy, sigma)
        best = flat.new_full((len(flat), 1), torch.finfo(flat.dtype).min)
        mass, square, moment = (flat.new_zeros(len(flat), 1) for _ in range(3))
        for number, tile in enumerate(self._tiles(flat.dtype)):
            logits = self._logits(number, tile, flat, flat, precision, best)
            highest = torch.maximum(best, logits.amax(1, keepdim=True))
            logits.sub_(highest)
            weights, shift = logits.exp(), best - highest
            decay, moment = shift.exp(), moment + mass * shift
            mass = mass * decay + weights.sum(1, keepdim=True)
            square = square * decay**2 + weights.square().sum(1, keepdim=True)
            moment = moment * decay + (weights * logits).sum(1, keepdim=True)
            best = highest
        return Concentration((mass.log() - moment / mass).squeeze(1), (mass.square() / square).squeeze(1))

    def _in_units(self, noisy: Tensor, sigma: Tensor | float) -> tuple[Tensor, Tensor]:
        """Return noisy images in the units of the tiles, and 1 / s^2 in these, both in float64."""
        precise = noisy.flatten(1).double().mul(self.scale).add_(self.offset - self.centre)
        return precise, (column(sigma, precise) * self.scale) ** -2

    def _tiles(self, dtype: torch.dtype, *, kept: bool = False) -> Iterator[Tensor]:
        """Yield centred training images, some at a time, in memory that the next ones take over unless it is kept."""
        memory = torch.empty_like(self.images[: self.tile], dtype=dtype)
        centre = self.centre.to(dtype)
        for part in torch.split(self.images, self.tile):
            memory = torch.empty_like(memory) if kept else memory
            yield memory[: len(part)].copy_(part).sub_(centre)

    def _logits(
        self, number: int, tile: Tensor, flat: Tensor, precise: Tensor, precision: Tensor, reached: Tensor
    ) -> Tensor:
        """Return -|x - y|^2 / (2 s^2) of a tile, less the term in |x|^2 that all images share, as exact as needed.

        `reached` is the log of the mass of the tiles before.
        """
        halves = self.halves[number * self.tile : number * self.tile + len(tile)]
        logits = (flat @ tile.T).double().sub_(halves).mul_(precision)
        if flat.dtype == torch.float64:
            return logits
        error = ROUNDING * precise.norm(dim=1, keepdim=True) * (2 * halves.max()).sqrt() * precision
        margin = 2 * error + 2 * (TYPICAL * error / ACCURACY).log()
        bound = torch.logaddexp(reached, logits.logsumexp(1, keepdim=True)) - margin
        rows, columns = (logits > bound).nonzero(as_tuple=True)
        if len(rows) > logits.numel() // 64:  # then a whole product in float64 is cheaper
            return (precise @ tile.double().T).sub_(halves).mul_(precision)
        few = max(1, 2**18 // flat.shape[1])  # pairs that stay in the cache
        for row, image in zip(torch.split(rows, few), torch.split(columns, few), strict=True):
            exact = torch.linalg.vecdot(precise[row], tile[image].double()) - halves[image]
            logits[row, image] = exact * precision.expand(len(flat), 1)[row, 0]
        return logits
