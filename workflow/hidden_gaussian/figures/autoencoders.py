"""One network a noise level, predicting the clean image itself, beside the preconditioned one of all levels."""

from __future__ import annotations

from matplotlib.figure import Figure

from hidden_gaussian.figures import compared
from hidden_gaussian.figures.curves import Measured
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.entry import of_one_level
from hidden_gaussian.figures.linearity import affinity
from hidden_gaussian.figures.sweeps import Panel


def draw(data: FigureData) -> Figure:
    """Return the figure: distance to the Gaussian (a), deviation from affinity (b), outputs (c)."""
    panels = [
        Panel("nRMSE to the Gaussian", Measured.nrmse, ("empirical", "mean"), limits=(0, 1.3)),
        Panel("deviation from affinity", affinity, ("empirical",)),
    ]
    return compared.draw(
        data,
        of_one_level,
        panels,
        lambda data, cells: compared.outputs(data, cells, linear=False),
        compared.STEPS,
    )
