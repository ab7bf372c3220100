"""How far a denoiser is from doing nothing, by size and by architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import (
    ARCHITECTURE,
    SIZE,
    Array,
    Curve,
    Entry,
    FigureData,
    Measured,
    Panel,
    needs,
    sweep_panels,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Distance to the identity",
    "Fig. 15",
    ("size",),
    needs.own_references("identity", nulls=("gaussian", "empirical"), sweeps=("size", "architecture")),
    also=("architecture",),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: distance to the identity relative to the output, and one less their correlation."""
    nulls = ("gaussian", "empirical")
    return sweep_panels.draw(
        data,
        [
            Panel(r"$|y - D|$ relative to $|D|$", distance, nulls, scale="log"),
            Panel("1 - correlation of $y$ and $D$", decorrelation, nulls, scale="log"),
        ],
        (SIZE, ARCHITECTURE),
    )


def distance(measured: Measured, ids: list[str]) -> Curve:
    """Return the root of |r - E r|^2 / |D - E D|^2 of the residual r = y - D: 0 for the identity, up to a constant."""
    return measured.ratio(measured.table(ids, "residual_norm_centred"), measured.table(ids, "norm_centred"), 0.5)


def decorrelation(measured: Measured, ids: list[str]) -> Curve:
    """Return 1 less the correlation of input and output, each less its mean image, pooled over images and pixels."""

    def formula(output: Array, residual: Array, noisy: Array) -> Array:
        inner = (output + noisy - residual) / 2
        return 1 - inner / np.sqrt(output * noisy)

    identity = [f"{identifier.split('/')[0]}/identity" for identifier in ids]
    tables = [measured.table(ids, quantity) for quantity in ("norm_centred", "residual_norm_centred")]
    return measured.combined([*tables, measured.table(identity, "norm_centred")], formula)
