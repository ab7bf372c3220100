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


class Pairs(NamedTuple):
    """Noisy images and training images.

    Attributes
    ----------
    noisy : Tensor of shape (m,)
        Numbers of noisy images.
    rows : Tensor of shape (n,)
        Numbers of training images.
    scores : Tensor of shape (m, n), float32
        Of a first product.
    """

    noisy: Tensor
    rows: Tensor
    scores: Tensor


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

    @abstractmethod
    def scores(self, images: Tensor, halves: Tensor) -> Tensor:
        """Return the first product of all noisy images with float32 training images, of shape (batch, n)."""

    @abstractmethod
    def logits(self, pairs: Pairs, images: Tensor, halves: Tensor) -> Tensor:
        """Return logits of pairs without an error that shows, counted from the largest score."""

    def raise_top(self, scores: Sequence[Tensor]) -> Tensor:
        """Take note of more scores, and return by how much the logits met before change, of shape (batch, 1)."""
        before = self.top
        self.top = torch.cat([before, *(part.detach().amax(1, keepdim=True) for part in scores)], 1).amax(
            1, keepdim=True
        )
        return (before - self.top) * self.precision

    def heard(self, rows: Tensor, scores: Tensor) -> Pairs:
        """Return the pairs that may have weight, and what else stands in their rows and columns."""
        margin = scores.detach() - (self.top - (2 * self.slack + NEGLIGIBLE / self.precision).float())
        noisy = (margin.amax(1) >= 0).nonzero().squeeze(1)
        columns = (margin.amax(0) >= 0).nonzero().squeeze(1)
        if len(columns) < len(rows):
            rows, scores = rows[columns], scores.index_select(1, columns)
        return Pairs(noisy, rows, scores.index_select(0, noisy))


class Multiples(Screening):
    """Logits by two float32 products, for noise at which many training images speak.

    Noisy images are split into whole multiples of a unit and a rest. Products of the first with whole pixels are exact,
    since no partial sum exceeds 2^24 units; products with the rest are small, and so are their errors.
    """

    def __init__(self, flat: Tensor, precision: Tensor, halves: Tensor) -> None:
        root, longest = flat.shape[1] ** 0.5, (2 * halves.max()).sqrt()
        length = flat.detach().norm(dim=1).max()
        room = (WHOLE - root / 2 * longest).clamp(min=1)  # rounding may add half a unit to every pixel
        self.units = room / (longest * (length + longest / 2)).clamp(min=1)
        scaled = flat * self.units
        whole = scaled.detach().round()
        self.rest = (scaled - whole).float()
        slack = self.rest.detach().norm(dim=1, keepdim=True) * longest + 1
        super().__init__(whole.float(), slack, precision / self.units)

    def suffices(self) -> bool:
        """Whether errors of the second product do not show at this noise."""
        root = self.single.shape[1] ** 0.5
        return bool((self.slack * self.precision * ROUNDING / root <= ACCURACY).all())

    def scores(self, images: Tensor, halves: Tensor) -> Tensor:
        """Return whole numbers."""
        return torch.addmm(-(halves * self.units).round().float(), self.single, images.T)

    def logits(self, pairs: Pairs, images: Tensor, halves: Tensor) -> Tensor:
        """Return float32 logits; differences of scores are exact but where the weight is nothing."""
        scaled = halves * self.units
        whole = (pairs.scores - self.top[pairs.noisy]).sub_((scaled - scaled.round()).float())
        rest = self.rest.index_select(0, pairs.noisy)
        return torch.addmm(whole, rest, images.T).mul_(self.precision[pairs.noisy].float())


class Screened(Screening):
    """Logits in float64, for noise at which few training images speak."""

    def __init__(self, flat: Tensor, precision: Tensor, halves: Tensor) -> None:
        length, longest = flat.detach().norm(dim=1, keepdim=True), (2 * halves.max()).sqrt()
        # no product of images has been seen to err by half as much (Higham and Mary 2019: surely of this order)
        slack = UNIT * longest * (flat.shape[1] ** 0.5 * length + longest)
        super().__init__(flat.detach().float(), slack, precision)
        self.flat = flat

    def scores(self, images: Tensor, halves: Tensor) -> Tensor:
        """Return scores that are off by at most the slack."""
        return torch.addmm(-halves.float(), self.single, images.T)

    def logits(self, pairs: Pairs, images: Tensor, halves: Tensor) -> Tensor:
        """Return float64 logits."""
        found = torch.addmm(-halves, self.flat.index_select(0, pairs.noisy), images.double().T)
        return (found - self.top[pairs.noisy]).mul_(self.precision[pairs.noisy])


class Averaged(Screened):
    """Logits by the first product alone, for noise at which so many training images speak that errors average out."""

    def __init__(self, flat: Tensor, precision: Tensor, halves: Tensor) -> None:
        super().__init__(flat, precision, halves)
        length = flat.detach().norm(dim=1, keepdim=True) / flat.shape[1] ** 0.5
        self.single = flat.float()  # in which gradients are taken
        self.error: Tensor = (ROUNDING * length * (2 * halves.mean()).sqrt() + UNIT * halves.mean()) * precision
        self.count = len(halves)

    def promises(self) -> bool:
        """Whether it may do for most noisy images: for those of which a quarter of all training images speak."""
        return bool((self.error <= TRIED).all() and not self.fails(4 / self.count).any())

    def logits(self, pairs: Pairs, images: Tensor, halves: Tensor) -> Tensor:
        """Return float32 logits whose standard error is `error`."""
        return (pairs.scores - self.top[pairs.noisy]).mul_(self.precision[pairs.noisy].float())

    def fails(self, collision: Tensor | float) -> Tensor:
        """Tell for which noisy images errors may show, of shape (batch, 1).

        Independent errors of the logits move a pixel by sum w (y - D) error, so its variance is at most the squared
        error times sum w^2, the collision probability, and times 2 (1 - sum w^2)^2 where a single image speaks.
        """
        collision = torch.as_tensor(collision)
        share = torch.minimum(collision.sqrt(), 2**0.5 * (1 - collision))
        failing: Tensor = self.error * share > ACCURACY / 3
        return failing
