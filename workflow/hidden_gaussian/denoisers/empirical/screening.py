"""Which training images may have weight, by one float32 product; and whether float32 logits are accurate enough."""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import NamedTuple

import torch
from torch import Tensor

UNIT = 2.0**-24  # relative error of one float32 rounding
ROUNDING = 8 * UNIT  # standard error of a float32 product of x and y over |x| |y| / sqrt(d), x being noise; measured
ACCURACY = 5e-7  # largest standard error of a logit; a pixel's is smaller, even where two images share the weight
OMITTED = 1e-7  # largest sum of the weights that screening leaves out

Block = tuple[Tensor, Tensor]  # centred training images of shape (n, d), and half their squared lengths, in float64


class Queries(NamedTuple):
    """Noisy images in the units of the training images' pixels.

    Attributes
    ----------
    flat : Tensor of shape (batch, d)
        The images, centred like the training images.
    precision : Tensor of shape (batch, 1)
        1 / s^2.
    """

    flat: Tensor
    precision: Tensor

    def rows(self, numbers: Tensor) -> Queries:
        """Return the noisy images of these numbers."""
        return Queries(self.flat[numbers], self.precision[numbers])

    def single(self) -> Queries:
        """Return the noisy images in float32."""
        return Queries(self.flat.float(), self.precision.float())


def may_have_weight(queries: Queries, blocks: Iterable[Block]) -> Tensor:
    """Tell which training images may have weight for which noisy images: a bool tensor of shape (batch, N).

    The scores x.y - |y|^2 / 2 are logits times s^2. An image is left out if its score is so far below the largest that
    no rounding error can explain it, and all such images together weigh less than `OMITTED`.
    """
    flat, longest, parts = queries.flat.detach(), 0.0, []
    single = flat.float()
    for images, halves in blocks:
        parts.append(torch.addmm(-halves.float(), single, images.T))
        longest = max(longest, float(2 * halves.max()) ** 0.5)
    scores = torch.cat(parts, 1)
    # a bound of this order holds with overwhelming probability (Higham and Mary 2019); half of it was never seen
    slack = UNIT * longest * (flat.shape[1] ** 0.5 * flat.norm(dim=1, keepdim=True) + longest)
    negligible = log(scores.shape[1] / OMITTED) / queries.precision.detach()
    return torch.ge(scores, scores.amax(1, keepdim=True) - (2 * slack + negligible).float())


def float32_suffices(queries: Queries, halves: Tensor) -> bool:
    """Tell whether float32 logits are accurate enough, for training images of these |y|^2 / 2."""
    length = queries.flat.detach().norm(dim=1, keepdim=True) / queries.flat.shape[1] ** 0.5
    error = (ROUNDING * length * (2 * halves.mean()).sqrt() + UNIT * halves.mean()) * queries.precision.detach()
    return bool((error <= ACCURACY).all())
