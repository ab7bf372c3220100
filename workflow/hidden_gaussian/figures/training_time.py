"""Closeness to the Gaussian in the course of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import TIME, Entry, FigureData, closeness_by, needs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Closeness to the Gaussian by images seen",
    "Fig. 8",
    ("time",),
    needs.closeness_by("time"),
    metrics=("nrmse", "rho"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure; see :mod:`hidden_gaussian.plotting.closeness_by`."""
    return closeness_by.draw(data, TIME)
