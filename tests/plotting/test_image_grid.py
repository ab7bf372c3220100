"""Strips of images: grey and colours as they are."""

from __future__ import annotations

import numpy as np

from hidden_gaussian.plotting import image_grid, style


def test_strips_keep_their_contrast():
    dim = np.full((1, 2, 1, 4, 4), 0.1)
    dim[0, 1] = 0.2
    axes = style.new(1, images=True).add_subplot()
    shown = image_grid.grid(axes, dim)
    assert shown.get_clim() == (-1, 1)
    assert np.allclose(np.unique(shown.get_array().compressed()), [0.1, 0.2])
    colour = image_grid.grid(axes, np.repeat(dim, 3, axis=2)).get_array()
    assert np.allclose(colour[0, 0], 0.55) and np.allclose(colour[0, -1], 0.6)
