"""Closeness to the Gaussian for growing training sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import SIZE, Entry, FigureData, closeness_by, needs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Closeness to the Gaussian by training images",
    "Fig. 6",
    ("size",),
    needs.closeness_by("size"),
    metrics=("nrmse", "rho"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure; see :mod:`hidden_gaussian.plotting.closeness_by`."""
    return closeness_by.draw(data, SIZE)
