"""Where networks stand between the Gaussian and the empirical denoiser."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hidden_gaussian.figures import sweeps
from hidden_gaussian.figures.curves import Array, Curve, Measured
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.sweeps import Panel


def along(to_gaussian: Array, to_empirical: Array, between: Array) -> Array:
    """Return t = <D - D_G, D_emp - D_G> / |D_emp - D_G|^2: 0 at the Gaussian, 1 at the empirical denoiser."""
    return (to_gaussian + between - to_empirical) / (2 * between)


def aside(to_gaussian: Array, to_empirical: Array, between: Array) -> Array:
    """Return |(D - D_G) - t (D_emp - D_G)|^2 / |D_emp - D_G|^2: what lies off the line between the two."""
    off: Array = to_gaussian / between - np.square(along(to_gaussian, to_empirical, between))
    return off


def draw(data: FigureData) -> Figure:
    """Return the figure: position and off-axis part over sigma, inside the window, and the position pooled over it."""

    def inside(measured: Measured, table: pd.DataFrame) -> pd.DataFrame:
        return table[measured.window_levels()]

    def position(measured: Measured, ids: list[str]) -> Curve:
        return measured.combined([inside(measured, table) for table in measured.distances(ids)], along)

    def off_axis(measured: Measured, ids: list[str]) -> Curve:
        return measured.combined([inside(measured, table) for table in measured.distances(ids)], aside)

    def pooled(measured: Measured, ids: list[str]) -> Curve:
        return measured.combined([measured.in_window(table) for table in measured.distances(ids)], along)

    poles = ((0.0, "Gaussian ($t = 0$)", "gaussian"), (1.0, "empirical ($t = 1$)", "empirical"))
    return sweeps.draw(
        data,
        [
            Panel("position $t$", position, ("mean",), poles),
            Panel("off the axis", off_axis, ("mean",), scale="log"),
            Panel("$t$ in the window", pooled, (), poles, pooled=True),
        ],
    )
