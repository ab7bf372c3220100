"""The empirical (multi-delta) denoiser: optimal for the training images themselves, the perfect memoriser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import column

WHOLE = 2.0**24  # below which float32 holds every whole number, so that sums of them are exact in any order
UNIT = 2.0**-24  # relative error of one float32 rounding
ROUNDING = 8 * UNIT  # standard error of a float32 product of x and y over |x| |y| / sqrt(d), x being noise; measured
ACCURACY = 1.7e-7  # standard error wanted of a pixel, so that the largest of a million stays below 1e-6
NEGLIGIBLE = 28.0  # nats below the largest: a million of such weights would not show
TERMS = 128  # added up in float32 at a time: some libraries add all of a product one after the other
FLOOR = -60.0  # nats below the largest: nothing, and products of much less are slow on some processors


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


class Screened(NamedTuple):
    """Noisy images in float32, for a first product that tells which training images can have weight.

    Attributes
    ----------
    single : Tensor of shape (batch, d), float32
        The images, or only whole multiples of a power of two, of which products with whole pixels are exact: no
        partial sum exceeds 2^24 of its units.
    rest : Tensor of shape (batch, d)
        Float32: what is left beside the multiples, so little that its products have no error that shows in a pixel.
        Float64, where there would be such an error: the images themselves.
    precision : Tensor of shape (batch, 1)
        1 / s^2.
    slack : Tensor of shape (batch, 1)
        The most by which a logit can be off after the first product.
    """

    single: Tensor
    rest: Tensor
    precision: Tensor
    slack: Tensor

    @classmethod
    def of(cls, flat: Tensor, precision: Tensor, halves: Tensor) -> Screened:
        """Screen float64 images of shape (batch, d); `halves` are half the squared lengths of the training images."""
        longest = (2 * halves.max()).sqrt()
        largest = flat.detach().norm(dim=1, keepdim=True) * longest
        unit = torch.exp2((largest / WHOLE).clamp(min=torch.finfo(torch.float32).tiny).log2().ceil())
        multiple = (flat.detach() / unit).trunc().mul_(unit)
        rest = flat - multiple
        slack = rest.detach().norm(dim=1, keepdim=True) * longest * precision
        root = flat.shape[1] ** 0.5
        if bool((slack * ROUNDING / root <= ACCURACY).all()):
            return cls(multiple.float(), rest.float(), precision, slack)
        # no product of images has been seen to err by half as much (Higham and Mary 2019: surely of this order)
        return cls(flat.float(), flat, precision, UNIT * root * largest * precision)

    def logits(self, tile: Tensor, halves: Tensor, best: Tensor) -> tuple[Tensor, Tensor]:
        """Return those images of a tile that may have weight, and -|x - y|^2 / (2 s^2) of them in float64.

        The term in |x|^2 that all images share is left out; `best` is the largest logit of the tiles before.
        """
        logits = (self.single @ tile.T).double().sub_(halves).mul_(self.precision)
        reached = torch.maximum(best, logits.amax(1, keepdim=True) - self.slack)
        heard = (logits >= reached - self.slack - NEGLIGIBLE).any(0).nonzero().squeeze(1)
        if len(heard) < len(tile) // 2:
            tile, halves, logits = tile[heard], halves[heard], logits[:, heard]
        rest = self.rest @ tile.to(self.rest).T
        if rest.dtype == torch.float64:  # of the whole images: nothing is kept of the first product
            return tile, (rest - halves) * self.precision
        return tile, logits + rest * self.precision


class EmpiricalDenoiser:
    """The posterior mean under equal point masses on the training images, Li et al. eq. (5).

    A softmax of -|x - y|^2 / (2 s^2) over the images y, streamed over tiles with a running maximum, so that any tile
    gives the same answer and memory does not grow with their number (Milakov & Gimelshein 2018).

    Float32 inputs are denoised to 1e-6 of the float64 result at every noise level. A first product in float32 screens:
    training images that it shows to have no weight are left out of the others. At low noise few are left, whose logits
    are taken in float64. At high noise, where many speak, the noisy image is split into whole multiples of a power of
    two, whose products with whole pixels are exact in float32, and a rest below it, whose products are small and so are
    their errors. Float64 inputs, and images that are not uint8, are denoised in float64 throughout.

    Parameters
    ----------
    images : Tensor of shape (N, channels, height, width), uint8 or floating
        Training images; uint8 pixels stand for v / 127.5 - 1 and are converted tile by tile.
    tile : int
        Images at a time.
    """

    def __init__(self, images: Tensor, tile: int = 2048) -> None:
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
        screened = Screened.of(flat, precision, self.halves) if self.whole and noisy.dtype != torch.float64 else None
        best, mass = flat.new_full((len(flat), 1), -torch.inf), flat.new_zeros(len(flat), 1)
        total, dtype = torch.zeros_like(flat), torch.float32 if screened else torch.float64
        tiles = self._tiles(dtype, kept=noisy.requires_grad)
        for tile, halves in zip(tiles, torch.split(self.halves, self.tile), strict=True):
            if screened:
                tile, logits = screened.logits(tile, halves, best)
            else:  # whose shapes do not depend on values, so that it can be batched by vmap
                logits = (flat @ tile.T).sub_(halves).mul_(precision)
            if len(tile) == 0:
                continue
            highest = torch.maximum(best, logits.amax(1, keepdim=True))
            weights = (logits - highest).to(dtype).clamp(min=FLOOR).exp()
            decay = torch.exp(best - highest)
            mass = mass * decay + weights.sum(1, keepdim=True, dtype=torch.float64)
            best, total = highest, total * decay + _added(weights, tile)
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


def _added(weights: Tensor, images: Tensor) -> Tensor:
    """Return sums of images by weights, a few images at a time so that rounding errors do not pile up."""
    first, *others = zip(torch.split(weights, TERMS, dim=1), torch.split(images, TERMS), strict=True)
    total = torch.mm(*first)
    for few, more in others:
        total.addmm_(few, more)
    return total
