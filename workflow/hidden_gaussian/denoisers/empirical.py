"""The empirical (multi-delta) denoiser: optimal for the training images themselves, the perfect memoriser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import column
from hidden_gaussian.denoisers.screening import Averaged, Multiples, Screened, Screening

BLOCK = 1024  # images turned into floating point at a time
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

    def add(self, heard: Tensor, logits: Tensor, images: Tensor) -> None:
        """Add float32 images of shape (n, d), by their logits for the noisy images of numbers `heard`."""
        best, mass, square, total = (
            sums.index_select(0, heard) for sums in (self.best, self.mass, self.square, self.total)
        )
        highest = torch.maximum(best, logits.detach().amax(1, keepdim=True))
        weights, decay = (logits - highest.to(logits)).float().clamp(min=FLOOR).exp(), torch.exp(best - highest)
        weight = weights.sum(1, keepdim=True, dtype=torch.float64)
        self.best.index_copy_(0, heard, highest)
        self.mass.index_copy_(0, heard, mass * decay + weight)
        self.square.index_copy_(0, heard, square * decay**2 + weights.detach().square().sum(1, keepdim=True))
        self.total.index_copy_(0, heard, (total * decay).add_(_added(weights, images)))

    def mean(self) -> Tensor:
        """Return the posterior means, of shape (batch, d)."""
        mean: Tensor = self.total / self.mass
        return mean

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
    errors average out (`Averaged`). Float64 inputs, and images that are not uint8, are denoised in float64 throughout.

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
        self.scale, self.offset = (127.5, 127.5) if self.whole else (1.0, 0.0)
        total = torch.stack([part.sum(0, dtype=torch.float64) for part in torch.split(self.images, BLOCK)]).sum(0)
        # whole numbers for uint8 pixels: then their differences are exact in any precision
        self.centre = (total / len(images)).round() if self.whole else total / len(images)
        parts = (part.double() - self.centre for part in torch.split(self.images, BLOCK))
        found = [torch.stack([part.square().sum(1) / 2, part.sum(1)]) for part in parts]
        self.halves, brightness = torch.cat(found, 1)
        self.order = brightness.argsort()

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image; gradients may be taken of it."""
        if len(noisy) == 0:
            return noisy
        flat, precision = self._in_units(noisy, sigma)
        means = self._screened if self.whole and noisy.dtype != torch.float64 else self._in_full
        centre = (self.centre - self.offset) / self.scale
        return (means(flat, precision) / self.scale + centre).to(noisy).reshape(noisy.shape)

    def concentration(self, noisy: Tensor, sigma: Tensor | float) -> Concentration:
        """Return entropy and effective sample size of the posterior of each noisy image, in float64."""
        flat, precision = self._in_units(noisy, sigma)
        best = flat.new_full((len(flat), 1), torch.finfo(flat.dtype).min)
        mass, square, moment = (flat.new_zeros(len(flat), 1) for _ in range(3))
        for images, halves in self._centred(self._rows(), torch.float64):
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

    def _screened(self, flat: Tensor, precision: Tensor) -> Tensor:
        """Return posterior means over those images alone that have weight."""
        averaged = Averaged(flat, precision, self.halves)
        if not averaged.promises():
            return self._exact(flat, precision)
        posterior = self._summed(flat, averaged)
        mean, again = posterior.mean(), averaged.fails(posterior.collision()).squeeze(1).nonzero().squeeze(1)
        return mean.index_copy_(0, again, self._exact(flat[again], precision[again])) if len(again) else mean

    def _exact(self, flat: Tensor, precision: Tensor) -> Tensor:
        """Return posterior means of which no logit has an error that shows."""
        multiples = Multiples(flat, precision, self.halves)
        screening = multiples if multiples.suffices() else Screened(flat, precision, self.halves)
        return self._summed(flat, screening).mean()

    def _summed(self, flat: Tensor, screening: Screening) -> Posterior:
        """Return the posterior over those images alone that may have weight."""
        posterior, tiles, kept = Posterior(flat), -(-len(self.images) // self.tile), flat.requires_grad
        for first in range(tiles):
            # of every brightness, so that the likeliest image of the first tile is near the likeliest of all
            blocks = torch.split(self.order[first::tiles], self.block)
            scores = [screening.scores(*given) for given in self._centred(blocks, torch.float32, kept=kept)]
            posterior.shift(screening.raise_top(scores))
            pairs = [screening.heard(*given) for given in zip(blocks, scores, strict=True)]
            taken = self._centred([pair.rows for pair in pairs], torch.float32, kept=kept)
            for pair, (images, halves) in zip(pairs, taken, strict=True):
                if len(images):
                    posterior.add(pair.noisy, screening.logits(pair, images, halves), images)
        return posterior

    def _in_full(self, flat: Tensor, precision: Tensor) -> Tensor:
        """Return posterior means in float64; no shape depends on a value, so that vmap can batch it."""
        best = flat.new_full((len(flat), 1), -torch.inf)
        mass, total = flat.new_zeros(len(flat), 1), torch.zeros_like(flat)
        for images, halves in self._centred(self._rows(), torch.float64, kept=flat.requires_grad):
            logits = (flat @ images.T).sub_(halves).mul_(precision)
            highest = torch.maximum(best, logits.amax(1, keepdim=True))
            weights, decay = (logits - highest).clamp(min=FLOOR).exp(), torch.exp(best - highest)
            mass = mass * decay + weights.sum(1, keepdim=True)
            best, total = highest, total * decay + weights @ images
        return total / mass

    def _in_units(self, noisy: Tensor, sigma: Tensor | float) -> tuple[Tensor, Tensor]:
        """Return noisy images in the units of the pixels, and 1 / s^2 in these, both in float64."""
        precise = noisy.flatten(1).double().mul(self.scale).add_(self.offset - self.centre)
        return precise, ((column(sigma, precise) * self.scale) ** -2).expand(len(precise), 1)

    def _rows(self) -> tuple[Tensor, ...]:
        """Return the numbers of all images, a block at a time."""
        return torch.split(torch.arange(len(self.images), device=self.images.device), self.block)

    def _centred(
        self, blocks: Iterable[Tensor], dtype: torch.dtype, *, kept: bool = False
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield centred training images and half their squared lengths, in float64.

        The images are in memory that the next ones take over, unless it is kept.
        """
        memory = torch.empty_like(self.images[: self.block], dtype=dtype)
        centre = self.centre.to(dtype)
        for rows in blocks:
            memory = torch.empty_like(memory) if kept else memory
            yield memory[: len(rows)].copy_(self.images.index_select(0, rows)).sub_(centre), self.halves[rows]


def _added(weights: Tensor, images: Tensor) -> Tensor:
    """Return sums of images by weights, a few images at a time so that rounding errors do not pile up."""
    first, *others = zip(torch.split(weights, TERMS, dim=1), torch.split(images, TERMS), strict=True)
    total = torch.mm(*first)
    for few, more in others:
        total.addmm_(few, more)
    return total
