"""The same network with EDM's preconditioning and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import (
    BASELINES,
    Entry,
    FigureData,
    Panel,
    architecture_panels,
    measure,
    needs,
    pair_score,
)
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _trajectories(index: ResultsIndex, cells: list[Cell]) -> list[str]:
    return [*index.trajectories(cells, "gaussian"), f"{cells[0].id}/linear/trajectories_euler10.npy"]


ENTRY = Entry(
    "With and without preconditioning",
    "Fig. 11",
    ("architecture",),
    needs.architecture_panels(lambda name: name in BASELINES, _trajectories, "empirical", "gaussian"),
    architectures=("ve-baseline",),
    metrics=("cosine", "affinity"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: linearity as published (a), deviation from affinity (b), outputs (c)."""
    panels = [
        Panel("cosine, as published", pair_score("cosine"), ("empirical", "gaussian")),
        Panel("deviation from affinity", measure("affinity"), ("empirical", "gaussian")),
    ]
    return architecture_panels.draw(
        data,
        lambda name: name in BASELINES,
        panels,
        lambda data, cells: architecture_panels.outputs(data, cells, linear=True),
        architecture_panels.STEPS,
    )
