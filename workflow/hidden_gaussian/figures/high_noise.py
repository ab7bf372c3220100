"""Denoised images at the two largest noise levels, where networks are trained least."""

from __future__ import annotations

from matplotlib.figure import Figure

from hidden_gaussian.plotting import FigureData, output_panels


def draw(data: FigureData) -> Figure:
    """Return the figure, on a noised image; see :mod:`hidden_gaussian.plotting.output_panels`."""
    return output_panels.draw(data, [("of_images", level) for level in (0, 1)])
