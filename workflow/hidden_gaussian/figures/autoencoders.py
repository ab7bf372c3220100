"""One network a noise level, predicting the clean image itself, beside the preconditioned one of all levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import NRMSE, Entry, FigureData, Panel, architecture_panels, measure, needs, of_one_level

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "One network a noise level",
    "Fig. 24",
    ("architecture",),
    needs.architecture_panels(
        of_one_level, lambda index, cells: index.trajectories(cells, "gaussian"), "empirical", "mean"
    ),
    architectures=("dae-",),
    metrics=("nrmse", "affinity"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: distance to the Gaussian (a), deviation from affinity (b), outputs (c)."""
    panels = [
        Panel("nRMSE to the Gaussian", NRMSE, ("empirical", "mean"), limits=(0, 1.3)),
        Panel("deviation from affinity", measure("affinity"), ("empirical",)),
    ]
    return architecture_panels.draw(
        data,
        of_one_level,
        panels,
        lambda data, cells: architecture_panels.outputs(data, cells, linear=False),
        architecture_panels.STEPS,
    )
