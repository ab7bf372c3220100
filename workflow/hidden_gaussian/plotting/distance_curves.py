"""Distances between a network, its distilled map and the reference denoisers of its subset, over the noise levels."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.plotting import style
from hidden_gaussian.plotting.figure_data import FigureData

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIRS = (
    ("network to empirical", style.EMPIRICAL, "{network}", "empirical", ""),
    ("network to Gaussian", style.GAUSSIAN, "{network}", "gaussian", ""),
    ("network to linear", style.LINEAR, "{network}", "linear", "_unbiased"),
    ("linear to Gaussian", "k", "{network}/linear", "gaussian", "_unbiased"),
)
"""What is drawn of a network: name, colour, denoiser, reference, and what the metric's name ends in.

Distances of the linear map are products of two fits, free of the noise of the fit, and below 0 where noise wins.
"""
NULLS = {"empirical": "empirical", "identity": "identity", "mean": "mean image"}
"""Denoisers of the subset whose distance to its Gaussian is drawn grey."""


def draw(
    axes: Axes,
    data: FigureData,
    network: str,
    metric: str,
    *,
    nulls: Collection[str] = tuple(NULLS),
    pairs: Collection[tuple[str, str, str, str, str]] = PAIRS,
) -> None:
    """Draw a distance of the tables for one network, a pair that was not measured left out.

    Parameters
    ----------
    network : str
        Its id.
    metric : str
        ``rmse``, ``nrmse``, ``nrmse_centred`` or ``difference_ratio``.
    nulls, pairs : collection
        Which of :data:`NULLS` and of :data:`PAIRS`.
    """
    subset = DenoiserId.parse(network).subset.id
    for kind in nulls:
        curve = data.curve(metric, f"{subset}/{kind}", relation="gaussian")
        style.null(axes, curve, f"{NULLS[kind]} to Gaussian", kind)
    for label, colour, denoiser, relation, ending in pairs:
        curve = data.curve(metric + ending, denoiser.format(network=network), relation=relation)
        if len(curve):
            style.band(axes, curve, label, color=colour, marker="o", markersize=2.5)


def begin_at_zero(axes: Axes, top: float) -> None:
    """End the y axis at a height, and begin it at 0, or below the lowest line where noise takes one there."""
    lines = [line for sharing in axes.get_shared_y_axes().get_siblings(axes) for line in sharing.lines]
    lowest = np.nanmin(np.concatenate([np.asarray(line.get_ydata(), float) for line in lines]))
    axes.set_ylim(min(0, lowest - 0.03 * top), top)
