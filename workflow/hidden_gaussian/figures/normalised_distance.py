"""The same distances in four normalisations: whether the conclusion depends on it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hidden_gaussian.figures import style
from hidden_gaussian.figures.curves import Curve, Measured
from hidden_gaussian.figures.data import FigureData

Normalised = Callable[[Measured, pd.DataFrame, str], Curve]
PAIRS = (
    ("network to empirical", style.EMPIRICAL, "distance", "empirical"),
    ("network to Gaussian", style.GAUSSIAN, "distance", "gaussian"),
    ("network to linear", style.LINEAR, "distance", "linear"),
    ("linear to Gaussian", "k", "linear_gaussian", "linear"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: RMSE, the mean ratio of norms, nRMSE, and nRMSE by the spread of the outputs."""
    measured, size = Measured(data), math.prod(data.plan.shape)
    panels: tuple[tuple[str, Normalised], ...] = (
        ("RMSE (pixels)", lambda m, gap, _: m.combined([gap / size], np.sqrt)),
        ("mean of $|D_1 - D_2| / |D|$", lambda m, gap, name: m.mean((gap / m.table(name, "norm")).pow(0.5))),
        ("nRMSE, by $|D|$", lambda m, gap, name: m.ratio(gap, m.table(name, "norm"), 0.5)),
        ("nRMSE, by $|D - E D|$", lambda m, gap, name: m.ratio(gap, m.table(name, "norm_centred"), 0.5)),
    )
    figure = style.new(4.4)
    for index, (axes, (title, normalised)) in enumerate(zip(figure.subplots(2, 2).flat, panels, strict=True)):
        _curves(axes, data, measured, normalised)
        style.sigma_axis(axes, measured.window(), label=index >= 2)
        style.letter(axes, "abcd"[index], title)
        axes.set_ylim(0, min(axes.get_ylim()[1], 2.0))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _curves(axes: Axes, data: FigureData, measured: Measured, normalised: Normalised) -> None:
    main = data.plan.main
    for kind, label in (("empirical", "empirical"), ("mean", "mean image")):
        name = f"{main.subset}/{kind}"
        curve = normalised(measured, measured.table(name, "distance", "gaussian"), name)
        style.null(axes, curve, f"{label} to Gaussian", kind)
    for label, colour, quantity, reference in PAIRS:
        gap = measured.table(main.id, quantity, reference)
        if len(gap):
            style.band(axes, normalised(measured, gap, main.id), label, color=colour, marker="o", markersize=2.5)
    networks = [cell.id for cell in data.plan.cells("architecture") if cell.is_levelwise]
    if networks:
        gap = measured.table(networks[0], "distance", "gaussian")
        label = f"{networks[0].split('/')[1].rstrip('0123456789r')} to Gaussian"
        style.band(axes, normalised(measured, gap, networks[0]), label, color="#56B4E9", marker="D", markersize=2.5)
    else:
        axes.plot([], [], color="#56B4E9", marker="D", label="autoencoder to Gaussian: absent")
