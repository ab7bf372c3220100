"""Dropout whose choice for an image does not depend on the other images of its batch."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Dropout(nn.Module):
    """Set features to zero in training, each with some probability, and scale the others up.

    An image of the batch drops the same features in whatever company it comes: feature e is dropped where
    k m(e) mod 2^32 is small, with the image's key k and one random number m(e) a feature (multiplicative hashing,
    Dietzfelbinger et al. 1997).

    Attributes
    ----------
    probability : float
    keys : Tensor of shape (batch,), int32, or None
        Random odd numbers; None leaves the choice to torch.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability
        self.keys: Tensor | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        if not (self.training and self.probability):
            return features
        if self.keys is None:
            return F.dropout(features, self.probability)
        numbers = _numbers(features[0].numel(), features.device)
        small = round(self.probability * 2**32) - 2**31
        factors = torch.where(self.keys[:, None] * numbers < small, 0.0, 1 / (1 - self.probability))
        pixels = features.movedim(1, -1)  # the channels of a pixel lie side by side
        return (pixels * factors.view_as(pixels).to(features.dtype)).movedim(-1, 1)


@lru_cache(maxsize=64)
def _numbers(count: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(-(2**31), 2**31, (count,), generator=generator, dtype=torch.int32).to(device)
