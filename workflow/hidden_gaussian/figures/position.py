"""Where networks stand between the Gaussian and the empirical denoiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import PARAMETERS, Curve, Entry, FigureData, Measured, Panel, needs, sweep_panels
from hidden_gaussian.tables import formulas

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Between the Gaussian and the empirical denoiser",
    "",
    ("size",),
    needs.own_references("empirical", nulls=("mean",)),
    also=PARAMETERS[1:],
)


def draw(data: FigureData) -> Figure:
    """Return the figure: position and off-axis part over sigma, inside the window, and the position pooled over it."""

    def inside(measured: Measured, table: pd.DataFrame) -> pd.DataFrame:
        return table[measured.window_levels()]

    def along(measured: Measured, ids: list[str]) -> Curve:
        return measured.combined([inside(measured, table) for table in measured.distances(ids)], formulas.position)

    def aside(measured: Measured, ids: list[str]) -> Curve:
        return measured.combined([inside(measured, table) for table in measured.distances(ids)], formulas.off_axis)

    def pooled(measured: Measured, ids: list[str]) -> Curve:
        return measured.combined([measured.in_window(table) for table in measured.distances(ids)], formulas.position)

    poles = ((0.0, "Gaussian ($t = 0$)", "gaussian"), (1.0, "empirical ($t = 1$)", "empirical"))
    return sweep_panels.draw(
        data,
        [
            Panel("position $t$", along, ("mean",), poles),
            Panel("off the axis", aside, ("mean",), scale="log"),
            Panel("$t$ in the window", pooled, (), poles, pooled=True),
        ],
    )
