"""Denoised images at the two largest noise levels, where networks are trained least."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import PARAMETERS, Entry, FigureData, needs, output_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry("Outputs at high noise", "Fig. 17", ("size",), needs.output_panels, also=PARAMETERS[1:])


def draw(data: FigureData) -> Figure:
    """Return the figure, on a noised image; see :mod:`hidden_gaussian.plotting.output_panels`."""
    return output_panels.draw(data, [("of_images", level) for level in (0, 1)])
