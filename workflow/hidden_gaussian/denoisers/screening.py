"""Which training images have weight at a noise level, and their logits to an accuracy of which no error shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

WHOLE = 2.0**24  # below which float32 holds every whole number, so that sums of them are exact in any order
UNIT = 2.0**-24  # relative error of one float32 rounding
ROUNDING = 8 * UNIT  # standard error of a float32 product of x and y over |x| |y| / sqrt(d), x being noise; measured
ACCURACY = 4e-7  # standard error wanted of a logit: a pixel's is about a third, the largest of a million below 1e-6
TRIED = 5 * ACCURACY  # standard error of a logit up to which so many images often speak that it averages out
NEGLIGIBLE = 28.0  # nats below the largest: a million of such weights would not show
MOST = 0.75  # of rows or columns: to leave the others out costs more than to take them


class Noisy(NamedTuple):
    """Noisy images in the units of the pixels.

    Attributes
    ----------
    flat : Tensor of shape (batch, d), float64
        The images, centred as training images are.
    length : Tensor of shape (batch, 1), float64
        Their lengths, without a gradient.
    precision : Tensor of shape (batch, 1), float64
        1 / s^2.
    """

    flat: Tensor
    length: Tensor
    precision: Tensor

    @property
    def tracked(self) -> bool:
        """Whether gradients are asked for, of the images or of the noise level."""
        return self.flat.requires_grad or self.precision.requires_grad


class Block(NamedTuple):
    """Training images that are taken together.

    Attributes
    ----------
    rows : Tensor of shape (n,)
        Their numbers.
    halves : Tensor of shape (n,), float64
        Half their squared lengths.
    ready : Tensor of shape (n, d), float32, or None
        The images, centred, where they are kept as such.
    """

    rows: Tensor
    halves: Tensor
    ready: Tensor | None

    def chosen(self, columns: Tensor | None) -> Block:
        """Return some of them, None being all."""
        ready = None if self.ready is None else chosen(self.ready, columns)
        return Block(chosen(self.rows, columns), chosen(self.halves, columns), ready)


class Pairs(NamedTuple):
    """Noisy images and training images.

    Attributes
    ----------
    noisy : Tensor of shape (m,) or None
        Numbers of noisy images; None: of all.
    block : Block
        Training images.
    scores : Tensor of shape (m, n), float32
        Of a first product.
    """

    noisy: Tensor | None
    block: Block
    scores: Tensor


def chosen(tensor: Tensor, numbers: Tensor | None) -> Tensor:
    """Return rows of a tensor by their numbers, None being all."""
    return tensor if numbers is None else tensor.index_select(0, numbers)


def _numbers(flags: Tensor) -> Tensor | None:
    """Return which flags are set; None where so many are that all may be taken."""
    found = flags.nonzero().squeeze(1)
    return None if len(found) > MOST * len(flags) else found


class Screening(ABC):
    """A first product in float32 that tells which training images can have weight, and for which noisy images.

    Scores are x.y - |y|^2 / 2: log weights times s^2, but for a term that all images share.

    Parameters
    ----------
    single : Tensor of shape (batch, d), float32
        Noisy images, as the first product takes them.
    slack : Tensor of shape (batch, 1), float64
        The most by which a score of that product can be off.
    precision : Tensor of shape (batch, 1), float64
        1 / s^2 in the units of the scores.
    """

    def __init__(self, single: Tensor, slack: Tensor, precision: Tensor) -> None:
        self.single, self.slack, self.precision = single, slack, precision
        self.top = single.new_full((len(single), 1), -torch.inf)

    def scores(self, images: Tensor, halves: Tensor) -> Tensor:
        """Return the first product of all noisy images with float32 training images, of shape (batch, n)."""
        return torch.addmm(-halves.float(), self.single, images.T)

    @abstractmethod
    def logits(self, pairs: Pairs, images: Tensor) -> Tensor:
        """Return logits of pairs without an error that shows, counted from the largest score; scores are used up."""

    def raise_top(self, highest: Sequence[Tensor]) -> Tensor:
        """Take note of the highest scores of more images, and return by how much the logits met before change.

        All are of shape (batch, 1).
        """
        before = self.top
        self.top = torch.cat([before, *highest], 1).amax(1, keepdim=True)
        return (before - self.top) * self.precision.detach()

    def heard(self, block: Block, scores: Tensor, highest: Tensor) -> Pairs:
        """Return the pairs that may have weight, and what else stands in their rows and columns."""
        least = self.top - (2 * self.slack + NEGLIGIBLE / self.precision).float()
        noisy = _numbers((highest >= least).squeeze(1))
        scores = chosen(scores, noisy)
        columns = _numbers((scores.detach() >= chosen(least, noisy)).any(0))
        return Pairs(noisy, block.chosen(columns), scores if columns is None else scores.index_select(1, columns))


class Multiples(Screening):
    """Logits by two float32 products, for noise at which many training images speak.

    Noisy images are split into whole multiples of a unit and a rest. Products of the first with whole pixels are exact,
    since no partial sum exceeds 2^24 units; products with the rest are small, and so are their errors.
    """

    def __init__(self, noisy: Noisy, halves: Tensor) -> None:
        self.units = _units(noisy, halves)
        scaled = noisy.flat * self.units
        whole = scaled.detach().round()
        self.rest = (scaled - whole).float()
        slack = self.rest.detach().norm(dim=1, keepdim=True) * (2 * halves.max()).sqrt() + 1
        super().__init__(whole.float(), slack, noisy.precision / self.units)

    @staticmethod
    def suffices(noisy: Noisy, halves: Tensor) -> bool:
        """Whether errors of the second product do not show at this noise; a rest is as long as uniform numbers are."""
        rest = (halves.max() / 6).sqrt()  # over sqrt(d), times the longest image
        return bool((rest * noisy.precision / _units(noisy, halves) * ROUNDING <= ACCURACY).all())

    def scores(self, images: Tensor, halves: Tensor) -> Tensor:
        """Return whole numbers."""
        return torch.addmm(-(halves * self.units).round().float(), self.single, images.T)

    def logits(self, pairs: Pairs, images: Tensor) -> Tensor:
        """Return float32 logits; differences of scores are exact but where the weight is nothing."""
        scaled = pairs.block.halves * self.units
        whole = pairs.scores.sub_(chosen(self.top, pairs.noisy)).sub_((scaled - scaled.round()).float())
        return whole.addmm_(chosen(self.rest, pairs.noisy), images.T).mul_(chosen(self.precision, pairs.noisy).float())


def _units(noisy: Noisy, halves: Tensor) -> Tensor:
    """Return the multiples of 1 in which products with whole pixels stay whole and below 2^24."""
    root, longest, length = noisy.flat.shape[1] ** 0.5, (2 * halves.max()).sqrt(), noisy.length.max()
    room = (WHOLE - root / 2 * longest).clamp(min=1)  # rounding may add half a unit to every pixel
    units: Tensor = room / (longest * (length + longest / 2)).clamp(min=1)
    return units


class Screened(Screening):
    """Logits in float64, for noise at which few training images speak."""

    def __init__(self, noisy: Noisy, halves: Tensor) -> None:
        super().__init__(noisy.flat.detach().float(), _slack(noisy, halves), noisy.precision)
        self.flat = noisy.flat

    def logits(self, pairs: Pairs, images: Tensor) -> Tensor:
        """Return float64 logits."""
        found = torch.addmm(-pairs.block.halves, chosen(self.flat, pairs.noisy), images.double().T)
        return found.sub_(chosen(self.top, pairs.noisy)).mul_(chosen(self.precision, pairs.noisy))


def _slack(noisy: Noisy, halves: Tensor) -> Tensor:
    """Return the most by which a float32 product can be off.

    No product of images has been seen to err by half as much (Higham and Mary 2019: surely of this order).
    """
    longest = (2 * halves.max()).sqrt()
    slack: Tensor = UNIT * longest * (noisy.flat.shape[1] ** 0.5 * noisy.length + longest)
    return slack


class Averaged(Screening):
    """Logits by the first product alone, for noise at which so many training images speak that errors average out."""

    def __init__(self, noisy: Noisy, halves: Tensor) -> None:
        super().__init__(noisy.flat.float(), _slack(noisy, halves), noisy.precision)
        self.error = _error(noisy, halves)

    @staticmethod
    def promises(noisy: Noisy, halves: Tensor) -> bool:
        """Whether it may do for most noisy images: for those of which a quarter of all training images speak."""
        error = _error(noisy, halves)
        return bool((error <= TRIED).all() and not _shows(error, torch.tensor(4 / len(halves))).any())

    def heard(self, block: Block, scores: Tensor, highest: Tensor) -> Pairs:
        """Return all pairs, since most speak."""
        return Pairs(None, block, scores)

    def logits(self, pairs: Pairs, images: Tensor) -> Tensor:
        """Return float32 logits whose standard error is `error`."""
        return pairs.scores.sub_(self.top).mul_(self.precision.float())

    def fails(self, collision: Tensor) -> Tensor:
        """Tell for which noisy images errors may show, by their sums of squared weights, of shape (batch, 1)."""
        return _shows(self.error, collision)


def _error(noisy: Noisy, halves: Tensor) -> Tensor:
    """Return the standard error of a logit of a float32 product, of shape (batch, 1)."""
    length = noisy.length / noisy.flat.shape[1] ** 0.5
    error: Tensor = (ROUNDING * length * (2 * halves.mean()).sqrt() + UNIT * halves.mean()) * noisy.precision
    return error


def _shows(error: Tensor, collision: Tensor) -> Tensor:
    """Tell where independent errors of the logits move a pixel too far.

    They move it by sum w (y - D) error, so its variance is at most the squared error times sum w^2, the collision
    probability, and times 2 (1 - sum w^2)^2 where a single image speaks.
    """
    share = torch.minimum(collision.sqrt(), 2**0.5 * (1 - collision))
    return error * share > ACCURACY / 3
