"""The empirical denoiser: optimal for the training images themselves, so it memorises them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from hidden_gaussian.denoisers.empirical.screening import Block, Queries, float32_suffices, may_have_weight
from hidden_gaussian.denoisers.protocol import column

TILE = 512  # training images whose logits are computed, and whose products are added in float32, at a time
CACHED = 2**25  # largest number of pixels of training images that are stored in float32 (128 MB)
SCORES = 2**26  # float32 scores in memory at a time (256 MB)
TOGETHER = 32  # noisy images that share a selection of training images
SAMPLE = 64  # training images that decide whether to screen
MOST = 0.35  # share of non-negligible weights in the sample above which screening costs more than it saves
TERMS = 32  # products that one float32 sum adds up: longer sums, or tiles, lose more than 1e-6
LOWEST = -1e30  # below every score; finite, because 0 * inf is not a number
FLOOR = -60.0  # cut-off of logits below the largest: exp of much less is denormal, which is slow on some processors


class EmpiricalDenoiser:
    """The posterior mean when the clean image is one of the training images, all equally likely (Li et al. eq. 5).

    It averages the training images y with weights softmax(-|x - y|^2 / (2 s^2)). Logits are computed tile by tile with
    a running maximum (Milakov and Gimelshein 2018), so memory does not grow with N.

    Float32 inputs are denoised to 1e-6 of the float64 result at every noise level, by one of two paths. Where few
    training images have weight, a float32 product finds them, and only they enter the mean. Where most have weight, all
    enter, and no shape depends on a value. Logits are float64, unless noise is so high that float32 suffices. Float64
    inputs, and training images that are not uint8, always take the second path in float64.

    Parameters
    ----------
    images : Tensor of shape (N, channels, height, width), uint8 or floating
        Training images; a uint8 pixel v is v / 127.5 - 1.
    tile : int
        Number of training images whose logits are computed at a time. It does not change the result.

    Examples
    --------
    >>> images = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)  # the pixels -1 and 1
    >>> EmpiricalDenoiser(images)(torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1), sigma=0.5).flatten()
    tensor([0.0000, 0.9993])
    """

    def __init__(self, images: Tensor, tile: int = TILE) -> None:
        if len(images) == 0 or tile < 1:
            raise ValueError(f"an empirical denoiser needs images and a tile of at least 1, not {len(images)}, {tile}")
        self.images, self.tile = images.flatten(1), tile
        self.whole = images.dtype == torch.uint8
        self.scale, self.offset = (127.5, 127.5) if self.whole else (1.0, 0.0)
        parts = torch.split(self.images, TILE)
        total = torch.stack([part.sum(0, dtype=torch.float64) for part in parts]).sum(0)
        # rounded for uint8 pixels, so that float32 holds every centred pixel exactly
        self.centre = (total / len(images)).round().float() if self.whole else total / len(images)
        self.halves = torch.cat([(part - self.centre).double().square().sum(1) / 2 for part in parts])
        cached = self.whole and self.images.numel() <= CACHED
        self.cached = self.images - self.centre if cached else None
        self.sample = torch.arange(0, len(images), -(-len(images) // SAMPLE), device=images.device)

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image; take derivatives through :meth:`differentiable`."""
        if len(noisy) == 0:
            return noisy
        queries = self._queries(noisy, sigma)
        if noisy.dtype == torch.float64 or not self.whole:
            mean = self._mean(queries, self._blocks(), torch.float64)
        elif self._most_have_weight(queries):
            queries = queries.single() if float32_suffices(queries, self.halves) else queries
            mean = self._mean(queries, self._blocks(), torch.float32)
        else:
            mean = self._screened(queries)
        return ((mean + (self.centre - self.offset)) / self.scale).to(noisy).reshape(noisy.shape)

    def differentiable(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean in float64: derivatives are small differences of numbers of the order |y| / s^2."""
        return self(noisy.double(), sigma).to(noisy)

    def diagnostics(self, noisy: Tensor, sigma: Tensor | float) -> dict[str, Tensor]:
        """Return how many training images have non-negligible weight for each noisy image, in float64.

        Returns
        -------
        dict of Tensor of shape (batch,)
            ``entropy`` of the weights in nats: log N if all are equal. ``effective`` sample size 1 / sum w^2: 1 if one
            image has all the weight.

        Examples
        --------
        >>> images = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)
        >>> EmpiricalDenoiser(images).diagnostics(torch.zeros(1, 1, 1, 1), 0.5)["effective"]
        tensor([2.], dtype=torch.float64)
        """
        queries = self._queries(noisy, sigma)
        mass = square = moment = torch.zeros_like(queries.precision)
        for logits, change, _ in self._logits(queries, self._blocks()):
            weights, decay = logits.exp(), change.exp()
            moment = (moment + mass * change) * decay + (weights * logits).sum(1, keepdim=True)
            mass = mass * decay + weights.sum(1, keepdim=True)
            square = square * decay**2 + weights.square().sum(1, keepdim=True)
        return {"entropy": (mass.log() - moment / mass).squeeze(1), "effective": (mass.square() / square).squeeze(1)}

    def _most_have_weight(self, queries: Queries) -> bool:
        """Tell from a sample of the training images whether most have weight."""
        return bool(may_have_weight(queries, self._blocks(self.sample)).float().mean() > MOST)

    def _screened(self, queries: Queries) -> Tensor:
        """Return posterior means over those training images that may have weight."""
        order = queries.flat.detach().sum(1).argsort()  # noisy images of like brightness share most of them
        means = []
        for several in torch.split(order, max(1, SCORES // len(self.images))):
            flags = may_have_weight(queries.rows(several), self._blocks())
            for few, flagged in zip(torch.split(several, TOGETHER), torch.split(flags, TOGETHER), strict=True):
                blocks = self._blocks(flagged.amax(0).nonzero().squeeze(1))
                means.append(self._mean(queries.rows(few), blocks, torch.float32))
        return torch.cat(means)[order.argsort()]

    def _mean(self, queries: Queries, blocks: Iterable[Block], dtype: torch.dtype) -> Tensor:
        """Return means over some training images, in float64; logits have the queries' type, weights this one."""
        mass = torch.zeros_like(queries.precision)
        total = torch.zeros_like(queries.flat, dtype=torch.float64)
        for logits, change, images in self._logits(queries, blocks):
            weights, decay = logits.to(dtype).clamp(min=FLOOR).exp(), change.exp()
            mass = mass * decay + weights.sum(1, keepdim=True)
            total = total * decay + _product(weights, images.to(dtype))
        return total / mass

    def _logits(self, queries: Queries, blocks: Iterable[Block]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield, for each block, logits less the largest so far, the (negative) change of the largest, and images."""
        flat, precision = queries
        best = torch.full_like(precision, LOWEST)
        for images, halves in blocks:
            scores = torch.addmm(-halves.to(flat), flat, images.to(flat).T)
            highest = torch.maximum(best, scores.detach().amax(1, keepdim=True))
            # differences first: the derivative by sigma is a sum of scores that would cancel badly
            yield (scores - highest) * precision, (best - highest) * precision, images
            best = highest

    def _queries(self, noisy: Tensor, sigma: Tensor | float) -> Queries:
        """Return noisy images in the units of the training images, in float64."""
        flat = noisy.flatten(1).double() * self.scale + (self.offset - self.centre)
        return Queries(flat, ((column(sigma, flat) * self.scale) ** -2).expand(len(flat), 1))

    def _blocks(self, numbers: Tensor | None = None) -> Iterator[Block]:
        """Yield all training images, or those of these numbers, less the centre, with half their squared lengths."""
        stored = self.images if self.cached is None else self.cached
        blocks: Iterable[Block]
        if numbers is None:
            blocks = zip(torch.split(stored, self.tile), torch.split(self.halves, self.tile), strict=True)
        else:
            parts = torch.split(numbers, self.tile)
            blocks = ((stored.index_select(0, part), self.halves.index_select(0, part)) for part in parts)
        for images, halves in blocks:
            yield (images - self.centre if self.cached is None else images), halves


def _product(weights: Tensor, images: Tensor) -> Tensor:
    """Return weights @ images; float32 sums are short, so that rounding errors do not pile up."""
    terms = TERMS if weights.dtype == torch.float32 else len(images)
    first, *others = zip(torch.split(weights, terms, dim=1), torch.split(images, terms), strict=True)
    total = torch.mm(*first)
    for few, part in others:
        total.addmm_(few, part)
    return total
