"""The empirical (multi-delta) denoiser: optimal for the training images themselves, the perfect memoriser."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import column
from hidden_gaussian.denoisers.screening import Averaged, Block, Multiples, Noisy, Screened, Screening, chosen
from hidden_gaussian.pixels import HALF_RANGE

BLOCK = 1024  # images turned into floating point at a time
KEPT = 2**25  # numbers up to which a set is kept in floating point: 128 MB
TERMS = 64  # added up in float32 one after the other: more of them would pile up errors that show
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


class Posterior:
    """Sums of weights and of weighted images, by the largest logit met so far (Milakov & Gimelshein 2018).

    Parameters
    ----------
    flat : Tensor of shape (batch, d), float64
        Noisy images.
    """

    def __init__(self, flat: Tensor) -> None:
        self.best = flat.new_full((len(flat), 1), -torch.inf)
        self.mass, self.square = flat.new_zeros(len(flat), 1), flat.new_zeros(len(flat), 1)
        self.total = torch.zeros_like(flat)

    def shift(self, nats: Tensor) -> None:
        """Count logits from another zero."""
        self.best += nats

    def add(self, noisy: Tensor | None, logits: Tensor, images: Tensor) -> None:
        """Add float32 images of shape (n, d), by their logits for the noisy images of these numbers; None: for all."""
        before, mass, square = (chosen(sums, noisy) for sums in (self.best, self.mass, self.square))
        best = torch.maximum(before, logits.detach().amax(1, keepdim=True))
        weights, decay = logits.sub_(best.to(logits)).float().clamp_(min=FLOOR).exp_(), torch.exp(before - best)
        mass = mass * decay + weights.sum(1, keepdim=True)
        square = square * decay**2 + torch.linalg.vector_norm(weights.detach(), dim=1, keepdim=True).square()
        added = _added(weights, images)
        if noisy is None:
            self.best, self.mass, self.square = best, mass, square
            self.total.mul_(decay).add_(added)
        else:
            for sums, new in ((self.best, best), (self.mass, mass), (self.square, square)):
                sums.index_copy_(0, noisy, new)
            self.total.index_copy_(0, noisy, chosen(self.total, noisy).mul_(decay).add_(added))

    def mean(self) -> Tensor:
        """Return the posterior means, of shape (batch, d); the sums are used up."""
        return self.total.div_(self.mass)

    def collision(self) -> Tensor:
        """Return the sums of squared weights, of shape (batch, 1)."""
        collision: Tensor = self.square / self.mass.square()
        return collision


class EmpiricalDenoiser:
    """The posterior mean under equal point masses on the training images, Li et al. eq. (5).

    A softmax of -|x - y|^2 / (2 s^2) over the images y, streamed over tiles with a running maximum, so that any tile
    gives the same answer and memory does not grow with their number.

    Float32 inputs are denoised to 1e-6 of the float64 result at every noise level. A first product in float32 screens:
    what it shows to have no weight is left out of the others. Images are taken in the order of their brightness, in
    which photographs differ most, so that a block of them has weight for few of the noisy images. At low noise little
    is left, whose logits are taken in float64 (`Screened`); at more they are taken by two float32 products of which one
    is exact (`Multiples`); at high noise the first product does for the noisy images of which so many speak that its
    errors average out (`Averaged`). Where images have dozens of exact copies, whose errors are alike, to 1e-5. Float64
    inputs, and images that are not uint8, are denoised in float64 throughout.

    Parameters
    ----------
    images : Tensor of shape (N, channels, height, width), uint8 or floating
        Training images; uint8 pixels stand for v / 127.5 - 1 and are converted block by block.
    tile : int
        Images whose scores are kept at a time.
    """

    def __init__(self, images: Tensor, tile: int = 32_768) -> None:
        if len(images) == 0 or tile < 1:
            raise ValueError(f"an empirical denoiser needs images and a tile of at least 1, not {len(images)}, {tile}")
        self.images = images.flatten(1)
        self.tile, self.block = tile, min(tile, BLOCK)
        self.whole = images.dtype == torch.uint8
        self.scale, self.offset = (HALF_RANGE, HALF_RANGE) if self.whole else (1.0, 0.0)
        total = torch.stack([part.sum(0, dtype=torch.float64) for part in torch.split(self.images, BLOCK)]).sum(0)
        # whole numbers for uint8 pixels: then their differences are exact in any precision
        self.centre = (total / len(images)).round() if self.whole else total / len(images)
        parts = (part.double() - self.centre for part in torch.split(self.images, BLOCK))
        found = [torch.stack([part.square().sum(1) / 2, part.sum(1)]) for part in parts]
        self.halves, brightness = torch.cat(found, 1)
        self.tiles = self._tiles(brightness.argsort())

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image.

        Derivatives may be taken of it; at low noise in float64, since they are differences of numbers of the order of
        |y| / s^2.
        """
        if len(noisy) == 0:
            return noisy
        given = self._in_units(noisy, sigma)
        mean = self._screened(given) if self.whole and noisy.dtype != torch.float64 else self._in_full(given)
        centre = (self.centre - self.offset) / self.scale
        return mean.div_(self.scale).add_(centre).to(noisy).reshape(noisy.shape)

    def concentration(self, noisy: Tensor, sigma: Tensor | float) -> Concentration:
        """Return entropy and effective sample size of the posterior of each noisy image, in float64."""
        flat, _, precision = self._in_units(noisy, sigma)
        best = flat.new_full((len(flat), 1), torch.finfo(flat.dtype).min)
        mass, square, moment = (flat.new_zeros(len(flat), 1) for _ in range(3))
        for images, halves in self._centred(self._blocks(), torch.float64):
            logits = (flat @ images.T).sub_(halves).mul_(precision)
            highest = torch.maximum(best, logits.amax(1, keepdim=True))
            logits.sub_(highest)
            weights, shift = logits.exp(), best - highest
            decay, moment = shift.exp(), moment + mass * shift
            mass = mass * decay + weights.sum(1, keepdim=True)
            square = square * decay**2 + weights.square().sum(1, keepdim=True)
            moment = moment * decay + (weights * logits).sum(1, keepdim=True)
            best = highest
        return Concentration((mass.log() - moment / mass).squeeze(1), (mass.square() / square).squeeze(1))

    def _screened(self, given: Noisy) -> Tensor:
        """Return posterior means over those images alone that have weight."""
        if not Averaged.promises(given, self.halves):
            return self._exact(given)
        averaged = Averaged(given, self.halves)
        posterior = self._summed(given, averaged)
        mean, again = posterior.mean(), averaged.fails(posterior.collision()).squeeze(1).nonzero().squeeze(1)
        return mean.index_copy_(0, again, self._exact(Noisy(*(part[again] for part in given)))) if len(again) else mean

    def _exact(self, given: Noisy) -> Tensor:
        """Return posterior means of which no logit has an error that shows."""
        kind = Multiples if Multiples.suffices(given, self.halves) else Screened
        return self._summed(given, kind(given, self.halves)).mean()

    def _summed(self, given: Noisy, screening: Screening) -> Posterior:
        """Return the posterior over those images alone that may have weight."""
        posterior, kept = Posterior(given.flat), given.tracked
        for tile in self.tiles:
            scores = [screening.scores(*taken) for taken in self._centred(tile, torch.float32, kept=kept)]
            highest = [part.detach().amax(1, keepdim=True) for part in scores]
            posterior.shift(screening.raise_top(highest))
            pairs = [screening.heard(*part) for part in zip(tile, scores, highest, strict=True)]
            pairs = [pair for pair in pairs if pair.scores.numel()]
            taken = self._centred([pair.block for pair in pairs], torch.float32, kept=kept)
            for pair, (images, _) in zip(pairs, taken, strict=True):
                posterior.add(pair.noisy, screening.logits(pair, images), images)
        return posterior

    def _in_full(self, given: Noisy) -> Tensor:
        """Return posterior means in float64; no shape depends on a value, so that vmap can batch it."""
        flat, _, precision = given
        best = flat.new_full((len(flat), 1), -torch.inf)
        mass, total = flat.new_zeros(len(flat), 1), torch.zeros_like(flat)
        for images, halves in self._centred(self._blocks(), torch.float64, kept=given.tracked):
            logits = (flat @ images.T).sub_(halves).mul_(precision)
            highest = torch.maximum(best, logits.amax(1, keepdim=True))
            weights, decay = (logits - highest).clamp(min=FLOOR).exp(), torch.exp(best - highest)
            mass = mass * decay + weights.sum(1, keepdim=True)
            best, total = highest, total * decay + weights @ images
        return total / mass

    def _in_units(self, noisy: Tensor, sigma: Tensor | float) -> Noisy:
        """Return noisy images in the units of the pixels."""
        flat = noisy.flatten(1).double().mul(self.scale).add_(self.offset - self.centre)
        precision = ((column(sigma, flat) * self.scale) ** -2).expand(len(flat), 1)
        return Noisy(flat, flat.detach().norm(dim=1, keepdim=True), precision)

    def _tiles(self, order: Tensor) -> list[list[Block]]:
        """Return the images in tiles of blocks, in this order.

        Each tile takes its part from all of it, so that the likeliest image of the first is near the likeliest of all.
        """
        count = -(-len(order) // self.tile)
        rows = [torch.split(order[first::count], self.block) for first in range(count)]
        tiles = [[Block(part, self.halves[part], None) for part in tile] for tile in rows]
        if not self.whole or self.images.numel() > KEPT:
            return tiles
        ready = [[images for images, _ in self._centred(tile, torch.float32, kept=True)] for tile in tiles]
        return [
            [block._replace(ready=part) for block, part in zip(*both, strict=True)]
            for both in zip(tiles, ready, strict=True)
        ]

    def _blocks(self) -> Iterator[Block]:
        """Return the images, a block at a time."""
        return itertools.chain.from_iterable(self.tiles)

    def _centred(
        self, blocks: Iterable[Block], dtype: torch.dtype, *, kept: bool = False
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield centred training images and half their squared lengths, in float64.

        The images are in memory that the next ones take over, unless it is kept.
        """
        memory = torch.empty_like(self.images[: self.block], dtype=dtype)
        centre = self.centre.to(dtype)
        for block in blocks:
            if block.ready is not None and dtype == torch.float32:
                yield block.ready, block.halves
                continue
            memory = torch.empty_like(memory) if kept else memory
            images = self.images.index_select(0, block.rows)
            yield memory[: len(images)].copy_(images).sub_(centre), block.halves


def _added(weights: Tensor, images: Tensor) -> Tensor:
    """Return sums of images by weights, a few images at a time so that rounding errors do not pile up."""
    first, *others = zip(torch.split(weights, TERMS, dim=1), torch.split(images, TERMS), strict=True)
    total = torch.mm(*first)
    for few, more in others:
        total.addmm_(few, more)
    return total
