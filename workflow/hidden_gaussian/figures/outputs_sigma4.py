"""Denoised images at sigma = 4, amid the window, by training images and by scale."""

from __future__ import annotations

from matplotlib.figure import Figure

from hidden_gaussian.figures import ways
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.varied import SCALE, SIZE

STEP = 4  # sigma = 4.07


def draw(data: FigureData) -> Figure:
    """Return the figure; see :mod:`hidden_gaussian.figures.ways`."""
    return ways.draw(data, (SIZE, SCALE), steps=(STEP,), latents=2)
