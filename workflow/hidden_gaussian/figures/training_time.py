"""Closeness to the Gaussian in the course of training."""

from __future__ import annotations

from matplotlib.figure import Figure

from hidden_gaussian.figures import along
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.varied import TIME


def draw(data: FigureData) -> Figure:
    """Return the figure; see :mod:`hidden_gaussian.figures.along`."""
    return along.draw(data, TIME)
