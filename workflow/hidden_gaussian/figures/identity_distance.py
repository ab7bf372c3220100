"""How far a denoiser is from doing nothing, by size and by architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import ARCHITECTURE, SIZE, Entry, FigureData, Panel, measure, needs, sweep_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Distance to the identity",
    "Fig. 15",
    ("size",),
    needs.own_references("identity", nulls=("gaussian", "empirical"), sweeps=("size", "architecture")),
    also=("architecture",),
    metrics=("residual_ratio", "decorrelation"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: distance to the identity relative to the output, and one less their correlation."""
    nulls = ("gaussian", "empirical")
    return sweep_panels.draw(
        data,
        [
            Panel(r"$|y - D|$ relative to $|D|$", measure("residual_ratio"), nulls, scale="log"),
            Panel("1 - correlation of $y$ and $D$", measure("decorrelation"), nulls, scale="log"),
        ],
        (SIZE, ARCHITECTURE),
    )
