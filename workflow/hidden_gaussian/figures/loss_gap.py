"""The denoising loss on training and on held-out images, at every noise level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import PARAMETERS, Curve, Entry, FigureData, Measured, Panel, curves, needs, sweep_panels
from hidden_gaussian.statistics import bootstrap

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Loss on training and on held-out images",
    "",
    ("size",),
    needs.own_references("gaussian", nulls=("empirical",)),
    also=PARAMETERS[1:],
    inputs=("train", "heldout"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: held-out less training loss, and both losses, in units of the own Gaussian's."""

    def heldout(measured: Measured, ids: list[str]) -> Curve:
        return loss(measured, ids, "heldout")

    def train(measured: Measured, ids: list[str]) -> Curve:
        return loss(measured, ids, "train")

    units = ((1.0, "own Gaussian", "gaussian"),)
    return sweep_panels.draw(
        data,
        [
            Panel("held-out - training", gap, ("gaussian", "empirical"), ((0.0, "no gap", "solid"),), (-0.25, 2)),
            Panel(
                "held-out loss",
                heldout,
                ("empirical",),
                units,
                (0.1, 3),
                scale="log",
            ),
            Panel("training loss", train, ("empirical",), units, (0, 1.6)),
        ],
    )


def _own(ids: list[str]) -> list[str]:
    return [f"{identifier.split('/')[0]}/gaussian" for identifier in ids]


def loss(measured: Measured, ids: list[str], inputs: str) -> Curve:
    """Return the loss of denoisers over sigma, relative to that of their own Gaussians."""
    own, gaussian = (measured.table(names, "loss", inputs=inputs) for names in (ids, _own(ids)))
    return curves.ratio(own, gaussian, stream=inputs)


def gap(measured: Measured, ids: list[str]) -> Curve:
    """Return held-out less training loss, relative to the held-out loss of the own Gaussians.

    Training and held-out images are resampled independently.
    """

    import pandas as pd

    def pooled(names: list[str], inputs: str) -> pd.DataFrame:
        table = measured.table(names, "loss", inputs=inputs)
        return pd.DataFrame(bootstrap.pool(table.to_numpy(float).T, inputs), index=table.columns).sort_index()

    heldout, train, unit = pooled(ids, "heldout"), pooled(ids, "train"), pooled(_own(ids), "heldout")
    return curves.curve(np.asarray(heldout.index, float), ((heldout - train) / unit).to_numpy())
