"""Distances between a network, its distilled map and the reference denoisers of its subset, over the noise levels."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import style
from hidden_gaussian.plotting.curves import Curve, Measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIRS = (
    ("network to empirical", style.EMPIRICAL, "distance", "empirical"),
    ("network to Gaussian", style.GAUSSIAN, "distance", "gaussian"),
    ("network to linear", style.LINEAR, "nonlinear", "linear"),
    ("linear to Gaussian", "k", "mismatch", "linear"),
)
"""What is drawn of a network: name, colour, and the quantity with its reference in the shard.

Those of the linear map are products of two fits, free of the noise of the fit, and below 0 where noise wins.
"""
NULLS = {"empirical": "empirical", "identity": "identity", "mean": "mean image"}
"""Denoisers of the subset whose distance to its Gaussian is drawn grey."""
Distance = Callable[[str, str, str], Curve]


def draw(
    axes: Axes,
    measured: Measured,
    network: str,
    distance: Distance,
    *,
    nulls: Collection[str] = tuple(NULLS),
    pairs: Collection[tuple[str, str, str, str]] = PAIRS,
) -> None:
    """Draw the curves of one network, a pair that was not measured left out.

    Parameters
    ----------
    network : str
        Its id.
    distance : callable
        Denoiser, quantity and reference in, curve over sigma out.
    nulls, pairs : collection
        Which of :data:`NULLS` and of :data:`PAIRS`.
    """
    subset = network.split("/")[0]
    for kind in nulls:
        curve = distance(f"{subset}/{kind}", "distance", "gaussian")
        style.null(axes, curve, f"{NULLS[kind]} to Gaussian", kind)
    for label, colour, quantity, reference in pairs:
        if len(measured.table(network, quantity, reference)):
            curve = distance(network, quantity, reference)
            style.band(axes, curve, label, color=colour, marker="o", markersize=2.5)


def begin_at_zero(axes: Axes, top: float) -> None:
    """End the y axis at a height, and begin it at 0, or below the lowest line where noise takes one there."""
    lines = [line for sharing in axes.get_shared_y_axes().get_siblings(axes) for line in sharing.lines]
    lowest = np.nanmin(np.concatenate([np.asarray(line.get_ydata(), float) for line in lines]))
    axes.set_ylim(min(0, lowest - 0.03 * top), top)
