"""What remains between network and Gaussian when the noise vanishes: what the training images do not span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import (
    PARAMETERS,
    SCALE,
    SIZE,
    Curve,
    Entry,
    FigureData,
    Groups,
    Panel,
    SweepAxis,
    ids,
    joined,
    measure,
    needs,
    style,
    sweep_panels,
)

if TYPE_CHECKING:
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
    metrics=("rmse",),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: RMSE to the own Gaussian for sigma up to 1, and at the lowest level; by size and scale."""
    rmse = measure("rmse", relation="gaussian")

    def low(data: FigureData, names: list[str]) -> Curve:
        return rmse(data, names).within(high=HIGHEST)

    def lowest(axes: Axes, data: FigureData, axis: SweepAxis, groups: Groups) -> dict[str, Artist]:
        colours = style.colours(groups)

        def at_lowest(names: list[str]) -> Curve:
            return rmse(data, names).take([0])

        style.parameter_axis(axes, list(groups), axis.label, style.NARROW)
        predicted = [at_lowest([f"{cell.subset}/identity" for cell in cells]) for cells in groups.values()]
        style.null(axes, joined(groups, predicted), "identity", "identity")
        for place, cells in groups.items():
            curve = at_lowest(ids(cells))
            axes.errorbar(place, curve.value, curve.error, fmt="o", color=colours[place], elinewidth=0.8)
        return {}

    panels = [
        Panel("RMSE to the Gaussian", low, ("identity",), limits=(0, None), highest=HIGHEST),
        Panel("at the lowest noise level", low, limits=(0, None), paint=lowest),
    ]
    return sweep_panels.draw(data, panels, (SIZE, SCALE))
