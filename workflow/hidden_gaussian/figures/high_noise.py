"""Denoised images at the two largest noise levels, where networks are trained least."""

from __future__ import annotations

from matplotlib.figure import Figure

from hidden_gaussian.figures import shared_inputs
from hidden_gaussian.figures.data import FigureData


def draw(data: FigureData) -> Figure:
    """Return the figure, on a noised image; see :mod:`hidden_gaussian.figures.shared_inputs`."""
    return shared_inputs.draw(data, [("of_images", level) for level in (0, 1)])
