"""The same network with EDM's preconditioning and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.figures.linearity import affinity, cosine
from hidden_gaussian.plotting import BASELINES, FigureData, Panel, architecture_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(data: FigureData) -> Figure:
    """Return the figure: linearity as published (a), deviation from affinity (b), outputs (c)."""
    panels = [
        Panel("cosine, as published", cosine, ("empirical", "gaussian")),
        Panel("deviation from affinity", affinity, ("empirical", "gaussian")),
    ]
    return architecture_panels.draw(
        data,
        lambda name: name in BASELINES,
        panels,
        lambda data, cells: architecture_panels.outputs(data, cells, linear=True),
        architecture_panels.STEPS,
    )
