"""Pixel values and the scale of images: its ends, its steps, the way back, and the same bits in numpy and torch."""

import numpy as np
import pytest
import torch

from hidden_gaussian.pixels import from_unit, to_unit

PIXELS = np.arange(256, dtype=np.uint8)


def test_the_scale_runs_from_minus_one_to_one_in_equal_steps():
    np.testing.assert_allclose(to_unit(PIXELS), np.linspace(-1, 1, 256), atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_and_torch_give_the_same_bits_in_the_type_of_the_pixels(dtype):
    pixels = PIXELS.astype(dtype)
    assert to_unit(pixels).dtype == dtype
    assert torch.equal(to_unit(torch.from_numpy(pixels)), torch.from_numpy(to_unit(pixels)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_pixel_value_comes_back(dtype):
    np.testing.assert_array_equal(from_unit(to_unit(PIXELS.astype(dtype))).round(), PIXELS)
