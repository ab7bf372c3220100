"""Dropout that drops the same features of an image in any batch."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Dropout(nn.Module):
    """Set random features to zero in training, and scale the rest up.

    The choice for an image does not depend on the other images of the batch: feature e is dropped if k m(e) mod 2^32
    is small, where k is the image's key and m(e) a random number of the feature (multiplicative hashing, Dietzfelbinger
    et al. 1997).

    Attributes
    ----------
    probability : float
    keys : Tensor of shape (batch,), int32, or None
        Random odd numbers, one for each image; None leaves the choice to torch.
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
