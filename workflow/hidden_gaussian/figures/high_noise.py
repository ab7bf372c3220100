"""Denoised images at the two largest noise levels, where networks are trained least."""

from __future__ import annotations

from matplotlib.figure import Figure

from hidden_gaussian.figures import ways
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.varied import SCALE, SIZE


def draw(data: FigureData) -> Figure:
    """Return the figure; see :mod:`hidden_gaussian.figures.ways`."""
    return ways.draw(data, (SIZE, SCALE), steps=(0, 1), latents=1)
