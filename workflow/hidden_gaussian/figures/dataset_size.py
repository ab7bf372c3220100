"""Closeness to the Gaussian for growing training sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import SIZE, FigureData, closeness_by

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(data: FigureData) -> Figure:
    """Return the figure; see :mod:`hidden_gaussian.plotting.closeness_by`."""
    return closeness_by.draw(data, SIZE)
