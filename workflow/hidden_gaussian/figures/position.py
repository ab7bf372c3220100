"""Where networks stand between the Gaussian and the empirical denoiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import PARAMETERS, Entry, FigureData, Measure, Panel, measure, needs, sweep_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Between the Gaussian and the empirical denoiser",
    "",
    ("size",),
    needs.own_references("empirical", nulls=("mean",)),
    also=PARAMETERS[1:],
    metrics=("position", "off_axis"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: position and off-axis part over sigma, inside the window, and the position pooled over it."""

    def along(metric: str) -> Measure:
        return lambda data, ids: data.curve(metric, ids).at_places(data.window_levels)

    poles = ((0.0, "Gaussian ($t = 0$)", "gaussian"), (1.0, "empirical ($t = 1$)", "empirical"))
    return sweep_panels.draw(
        data,
        [
            Panel("position $t$", along("position"), ("mean",), poles),
            Panel("off the axis", along("off_axis"), ("mean",), scale="log"),
            Panel("$t$ in the window", measure("position", in_window=True), (), poles, pooled=True),
        ],
    )
