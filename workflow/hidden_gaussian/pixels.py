"""The scale of images: pixel values 0 to 255 in files, [-1, 1] everywhere else; known without importing torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

HALF_RANGE = 127.5  # pixel value that becomes 0, and pixel values per unit

Images = TypeVar("Images", np.ndarray, "torch.Tensor")


def to_unit(pixels: Images) -> Images:
    """Scale pixel values from [0, 255] to [-1, 1].

    Parameters
    ----------
    pixels : ndarray or Tensor
        Of a floating type, which is kept; numpy turns integers into float64.

    Examples
    --------
    >>> to_unit(np.array([0, 255], np.float32))
    array([-1.,  1.], dtype=float32)
    """
    return pixels / HALF_RANGE - 1


def from_unit(images: Images) -> Images:
    """Scale images from [-1, 1] to [0, 255], without rounding.

    Examples
    --------
    >>> from_unit(np.array([-1.0, 1.0]))
    array([  0., 255.])
    """
    return (images + 1) * HALF_RANGE
