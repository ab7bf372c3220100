"""Network architectures with the same training settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.figures.linear_weights import weight_curve
from hidden_gaussian.plotting import (
    NRMSE,
    Curve,
    Entry,
    FigureData,
    Images,
    Panel,
    architecture_panels,
    is_edm,
    needs,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LATENTS = 10


ENTRY = Entry(
    "Architectures",
    "Fig. 22, 23",
    ("architecture",),
    needs.architecture_panels(is_edm, lambda index, cells: index.samples(cells), "empirical", "mean"),
    architectures=("vp", "adm"),
    metrics=("nrmse", "weight_distance"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: distance to the Gaussian (a), distance of the distilled weights (b), samples (c)."""
    panels = [
        Panel("nRMSE to the Gaussian", NRMSE, ("empirical", "mean"), limits=(0, 1.3)),
        Panel(
            r"$\|W - W_G\| / \|W_G\|$",
            _weights,
            ("empirical",),
            ((1.0, "$W = 0$", "identity"),),
        ),
    ]
    return architecture_panels.draw(data, is_edm, panels, _samples)


def _samples(data: FigureData, cells: list[Cell]) -> Images:
    images = {cell.architecture: data.samples(cell.id, data.index.solver(cell.id))[:LATENTS] for cell in cells}
    images["Gaussian"] = data.samples(f"{cells[0].subset}/gaussian", "exact")[:LATENTS]
    return {name: np.asarray(shown) for name, shown in images.items()}


def _weights(data: FigureData, ids: list[str]) -> Curve:
    return weight_curve(data, "weight_distance", ids[0])
