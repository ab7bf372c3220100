"""What remains between network and Gaussian when the noise vanishes: what the training images do not span."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hidden_gaussian.plotting import (
    PARAMETERS,
    SCALE,
    SIZE,
    Curve,
    Entry,
    FigureData,
    Groups,
    Measured,
    Panel,
    SweepAxis,
    between,
    ids,
    joined,
    needs,
    style,
    sweep_panels,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HIGHEST = 1.2


ENTRY = Entry(
    "Distance to the Gaussian at low noise",
    "Fig. 16",
    ("size",),
    needs.own_references("identity", sweeps=PARAMETERS[:2]),
    also=("scale",),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: RMSE to the own Gaussian for sigma up to 1, and at the lowest level; by size and scale."""
    size = math.prod(data.index.shape)

    def rmse(measured: Measured, names: list[str]) -> Curve:
        return _root(measured, between(measured.table(names, "distance", "gaussian") / size, high=HIGHEST))

    def lowest(axes: Axes, measured: Measured, varied: SweepAxis, groups: Groups) -> dict[str, Artist]:
        colours = style.colours(groups)

        def at_lowest(names: list[str]) -> Curve:
            distance = measured.table(names, "distance", "gaussian") / size
            return _root(measured, distance[[distance.columns.min()]])

        style.parameter_axis(axes, list(groups), varied.label, style.NARROW)
        predicted = [at_lowest([f"{cell.subset}/identity" for cell in cells]) for cells in groups.values()]
        style.null(axes, joined(groups, predicted), "identity", "identity")
        for place, cells in groups.items():
            curve = at_lowest(ids(cells))
            error = [curve.value - curve.low, curve.high - curve.value]
            axes.errorbar(place, curve.value, error, fmt="o", color=colours[place], elinewidth=0.8)
        return {}

    panels = [
        Panel("RMSE to the Gaussian", rmse, ("identity",), limits=(0, None), highest=HIGHEST),
        Panel("at the lowest noise level", rmse, limits=(0, None), paint=lowest),
    ]
    return sweep_panels.draw(data, panels, (SIZE, SCALE))


def _root(measured: Measured, table: pd.DataFrame) -> Curve:
    return measured.combined([table], lambda mean: mean**0.5)
