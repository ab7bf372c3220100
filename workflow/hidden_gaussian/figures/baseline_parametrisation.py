"""The same network with EDM's preconditioning and without."""

from __future__ import annotations

from matplotlib.figure import Figure

from hidden_gaussian.figures import compared
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.entry import BASELINES
from hidden_gaussian.figures.linearity import affinity, cosine
from hidden_gaussian.figures.sweeps import Panel


def draw(data: FigureData) -> Figure:
    """Return the figure: linearity as published (a), deviation from affinity (b), outputs (c)."""
    panels = [
        Panel("cosine, as published", cosine, ("empirical", "gaussian")),
        Panel("deviation from affinity", affinity, ("empirical", "gaussian")),
    ]
    return compared.draw(
        data,
        lambda name: name in BASELINES,
        panels,
        lambda data, cells: compared.outputs(data, cells, linear=True),
        compared.STEPS,
    )
