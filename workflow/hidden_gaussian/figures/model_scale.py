"""Closeness to the Gaussian for networks of different scale, on one small training set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import SCALE, Entry, FigureData, closeness_by, needs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Closeness to the Gaussian by scale",
    "Fig. 7",
    ("scale",),
    needs.closeness_by("scale"),
    metrics=("nrmse", "rho"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure; see :mod:`hidden_gaussian.plotting.closeness_by`."""
    return closeness_by.draw(data, SCALE)
