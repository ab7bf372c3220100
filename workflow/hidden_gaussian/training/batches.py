"""The batches of training: a function of the seed and the step alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hidden_gaussian import seeding
from hidden_gaussian.pixels import to_unit
from hidden_gaussian.settings import Training
from hidden_gaussian.training import augmentation

Levels = Callable[[Tensor, Training], Tensor]
BLOCK = 1024  # images read at a time when all are read


class Batch(NamedTuple):
    """The batch of one step, on the network's device."""

    clean: Tensor  # (batch, channels, height, width) in [-1, 1]
    noise: Tensor  # the same shape, standard normal
    sigma: Tensor  # (batch,)
    labels: Tensor | None  # (batch, 9)
    keys: Tensor | None = None  # (batch, layers) int32, odd: seeds of each dropout layer for each image

    def parts(self, size: int) -> Iterator[Batch]:
        """Cut the batch into parts of at most `size` images."""
        for start in range(0, len(self.clean), size):
            yield Batch._make(None if tensor is None else tensor[start : start + size] for tensor in self)


@dataclass(frozen=True)
class SubsetImages:
    """Some images of an array, which may be memory-mapped: only the requested ones are read.

    Attributes
    ----------
    images : ndarray of shape (image, channel, row, column), uint8
    indices : ndarray of shape (N,)
        The images and their order.
    """

    images: np.ndarray
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Read images by their positions in the subset."""
        read: np.ndarray = self.images[self.indices[rows]]
        return read

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, channels, side, side)."""
        return len(self), *self.images.shape[1:]

    @property
    def nbytes(self) -> int:
        """Bytes of its pixels."""
        return math.prod(self.shape)


def blocks(images: np.ndarray | SubsetImages) -> Iterator[np.ndarray]:
    """Yield the pixels of BLOCK images at a time."""
    for start in range(0, len(images), BLOCK):
        yield np.ascontiguousarray(images[slice(start, start + BLOCK)])


def resident(images: np.ndarray | SubsetImages, device: torch.device) -> Tensor | np.ndarray | SubsetImages:
    """Return the pixels on the GPU if they take less than half of its free memory, else unchanged."""
    if device.type == "cuda" and images.nbytes < torch.cuda.mem_get_info(device)[0] / 2:
        pixels = torch.empty(images.shape, dtype=torch.uint8, device=device)
        for part, block in zip(torch.split(pixels, BLOCK), blocks(images), strict=True):
            part.copy_(torch.from_numpy(block))
        return pixels
    return images


def positions(start: int, count: int, size: int, seed: int) -> np.ndarray:
    """Return the images at positions start, start + 1, ... of an endless stream of permutations of `size` images."""
    stream = np.arange(start, start + count)
    epochs = stream // size
    return np.concatenate(
        [_permutation(size, seed, int(epoch))[stream[epochs == epoch] % size] for epoch in np.unique(epochs)]
    )


@lru_cache(maxsize=2)
def _permutation(size: int, seed: int, epoch: int) -> np.ndarray:
    return seeding.numpy_stream(seed, "order", epoch).permutation(size)


def log_normal(normal: Tensor, settings: Training) -> Tensor:
    """Turn standard normal numbers into noise levels with a normal logarithm (Karras et al. 2022)."""
    return (settings.p_mean + settings.p_std * normal).exp()


def draw(
    pixels: Tensor | np.ndarray | SubsetImages,
    step: int,
    settings: Training,
    seed: int,
    device: torch.device,
    levels: Levels = log_normal,
    *,
    share: slice = slice(None),
    layers: int = 0,
) -> Batch:
    """Draw the batch of a step; on one kind of device it depends on the seed and the step alone.

    Parameters
    ----------
    pixels : Tensor on the device, ndarray or SubsetImages, of shape (N, channels, side, side), uint8
    step : int, from 0
    levels : callable
        Turns one standard normal number an image into noise levels.
    share : slice
        The part of the batch to return, equal to this part of the whole batch.
    layers : int
        Number of dropout layers.
    """
    count = settings.batch
    rows = positions(step * count, count, len(pixels), seed)[share]
    if isinstance(pixels, Tensor):
        chosen = pixels[torch.from_numpy(rows).to(device, non_blocking=True)]
    else:
        chosen = torch.from_numpy(pixels[rows]).to(device, non_blocking=True)
    clean, labels = _altered(to_unit(chosen.float()), step, settings, seed, share)
    source = torch.Generator(device).manual_seed(seeding.derive(seed, "noise", step))
    normal = torch.randn(count, generator=source, device=device)[share]
    noise = torch.randn((count, *clean.shape[1:]), generator=source, device=device)[share]
    keys = _odd((count, layers), seeding.stream(seed, "dropout", step))[share].to(device, non_blocking=True)
    return Batch(clean, noise, levels(normal, settings), labels, keys)


def _altered(clean: Tensor, step: int, settings: Training, seed: int, share: slice) -> tuple[Tensor, Tensor | None]:
    """Flip and augment a share of a batch; return the images and their labels."""
    if settings.x_flip:
        coins = torch.randint(0, 2, (settings.batch,), generator=seeding.stream(seed, "flips", step))[share] == 1
        clean = augmentation.mirror(clean, coins, torch.zeros_like(coins))
    if not settings.augment:
        return clean, None
    generator = seeding.stream(seed, "augmentation", step)
    parameters = augmentation.draw(settings.batch, probability=settings.augment, generator=generator)[share]
    return augmentation.augment(clean, parameters)


def _odd(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(-(2**31), 2**31, shape, generator=generator, dtype=torch.int32) | 1
