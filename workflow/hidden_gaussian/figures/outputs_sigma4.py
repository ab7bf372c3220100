"""Denoised images at sigma = 4, amid the window, by training images, by scale and by images seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import PARAMETERS, Entry, FigureData, needs, output_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry("Outputs at sigma = 4", "Fig. 18", ("size",), needs.output_panels, also=PARAMETERS[1:])


def draw(data: FigureData) -> Figure:
    """Return the figure, on a noised image and on noise; see :mod:`hidden_gaussian.plotting.output_panels`."""
    return output_panels.draw(data, [(kind, output_panels.SIGMA4) for kind in output_panels.KINDS])
