"""Denoised images at sigma = 4, amid the window, by training images, by scale and by images seen."""

from __future__ import annotations

from matplotlib.figure import Figure

from hidden_gaussian.figures import shared_inputs
from hidden_gaussian.figures.data import FigureData


def draw(data: FigureData) -> Figure:
    """Return the figure, on a noised image and on noise; see :mod:`hidden_gaussian.figures.shared_inputs`."""
    return shared_inputs.draw(data, [(kind, shared_inputs.SIGMA4) for kind in shared_inputs.KINDS])
