"""The empirical (multi-delta) denoiser: optimal for the training images themselves, the perfect memoriser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import column

WHOLE = 2.0**24  # below which float32 holds every whole number, so that sums of them are exact in any order
ROUNDING = 0.12 * 2.0**-24  # standard error of a float32 product of x and y over |x| |y|, measured
ACCURACY = 1.7e-7  # standard error wanted of a pixel, so that the largest of a million stays below 1e-6
NEGLIGIBLE = 28.0  # nats below the largest: a million of such weights would not show
FLOOR = -80.0  # nats below the largest: exp of less is slow, and nothing


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


class Split(NamedTuple):
    """Noisy images as whole multiples of a power of two and a rest below it, for logits as exact as float64 ones.

    Attributes
    ----------
    multiple : Tensor of shape (batch, d), float32
        Products of it with whole pixels are exact: no partial sum exceeds 2^24 of its units.
    rest : Tensor of shape (batch, d), float32, or float64 where products of it in float32 would show in a pixel
    precision : Tensor of shape (batch, 1)
        1 / s^2.
    slack : Tensor of shape (batch, 1)
        The most by which the rest can move a logit.
    """

    multiple: Tensor
    rest: Tensor
    precision: Tensor
    slack: Tensor

    @classmethod
    def of(cls, flat: Tensor, precision: Tensor, halves: Tensor) -> Split:
        """Split float64 images of shape (batch, d); `halves` are half the squared lengths of the training images."""
        longest = (2 * halves.max()).sqrt()
        largest = flat.detach().norm(dim=1, keepdim=True) * longest
        unit = torch.exp2((largest / WHOLE).clamp(min=torch.finfo(torch.float32).tiny).log2().ceil())
        multiple = (flat.detach() / unit).trunc().mul_(unit)
        rest = flat - multiple
        slack = rest.detach().norm(dim=1, keepdim=True) * longest * precision
        single = bool((slack * ROUNDING <= ACCURACY).all())
        return cls(multiple.float(), rest.float() if single else rest, precision, slack)

    def logits(self, tile: Tensor, halves: Tensor, best: Tensor) -> tuple[Tensor, Tensor]:
        """Return those images of a tile that may have weight, and -|x - y|^2 / (2 s^2) of them in float64.

        The term in |x|^2 that all images share is left out; `best` is the largest logit of the tiles before.
        """
        logits = (self.multiple @ tile.T).double().sub_(halves).mul_(self.precision)
        reached = torch.maximum(best, logits.amax(1, keepdim=True) - self.slack)
        heard = (logits >= reached - self.slack - NEGLIGIBLE).any(0).nonzero().squeeze(1)
        if len(heard) < len(tile) // 2:
            tile, logits = tile[heard], logits[:, heard]
        return tile, logits + (self.rest @ tile.to(self.rest).T) * self.precision


class EmpiricalDenoiser:
    """The posterior mean under equal point masses on the training images, Li et al. eq. (5).

    A softmax of -|x - y|^2 / (2 s^2) over the images y, streamed over tiles with a running maximum, so that any tile
    gives the same answer and memory does not grow with their number (Milakov & Gimelshein 2018).

    Float32 inputs are denoised to 1e-6 of the float64 result at every noise level by products in float32. The noisy
    image is split into whole multiples of a power of two, whose products with whole pixels are exact, and a rest below
    it, whose products are small and so are their errors. The first screens: where an image cannot have weight, the
    other two products leave it out. Float64 inputs, and images that are not uint8, are denoised in float64 throughout.

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
        self.whole = images.dtype == torch.uint8
        self.scale, self.offset = (127.5, 127.5) if self.whole else (1.0, 0.0)
        total = torch.stack([part.sum(0, dtype=torch.float64) for part in torch.split(self.images, tile)]).sum(0)
        # whole numbers for uint8 pixels: then their differences are exact in any precision
        self.centre = (total / len(images)).round() if self.whole else total / len(images)
        exact = torch.float32 if self.whole else torch.float64
        self.halves = torch.cat([part.square().sum(1, dtype=torch.float64) / 2 for part in self._tiles(exact)])

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image; gradients may be taken of it."""
        if len(noisy) == 0:
            return noisy
        flat, precision = self._in_units(noisy, sigma)
        split = Split.of(flat, precision, self.halves) if self.whole and noisy.dtype != torch.float64 else None
        best, mass = flat.new_full((len(flat), 1), -torch.inf), flat.new_zeros(len(flat), 1)
        total = torch.zeros_like(flat, dtype=torch.float32 if split else torch.float64)
        tiles = self._tiles(total.dtype, kept=noisy.requires_grad)
        for tile, halves in zip(tiles, torch.split(self.halves, self.tile), strict=True):
            if split:
                tile, logits = split.logits(tile, halves, best)
            else:  # whose shapes do not depend on values, so that it can be batched by vmap
                logits = (flat @ tile.T).sub_(halves).mul_(precision)
            if len(tile) == 0:
                continue
            highest = torch.maximum(best, logits.amax(1, keepdim=True))
            weights = (logits - highest).to(total).clamp(min=FLOOR).exp()
            decay = torch.exp(best - highest)
            mass = mass * decay + weights.sum(1, keepdim=True, dtype=torch.float64)
            best, total = highest, torch.addmm((total * decay).to(total), weights, tile)
        centre = (self.centre - self.offset) / self.scale
        return (total / (mass * self.scale) + centre).to(noisy).reshape(noisy.shape)

    def concentration(self, noisy: Tensor, sigma: Tensor | float) -> Concentration:
        """Return entropy and effective sample size of the posterior of each noisy image, in float64."""
        flat, precision = self._in_units(noisy, sigma)
        best = flat.new_full((len(flat), 1), torch.finfo(flat.dtype).min)
        mass, square, moment = (flat.new_zeros(len(flat), 1) for _ in range(3))
        for tile, halves in zip(self._tiles(flat.dtype), torch.split(self.halves, self.tile), strict=True):
            logits = (flat @ tile.T).sub_(halves).mul_(precision)
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
