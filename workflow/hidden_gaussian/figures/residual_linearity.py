"""Linearity of what a denoiser removes: of the residual y - D, which is the score times -sigma^2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import SIZE, Entry, FigureData, Panel, measure, needs, pair_score, sweep_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Linearity of the residual",
    "rebuttal R3",
    ("size",),
    needs.sweep_panels("empirical", "gaussian", sweeps=("size",)),
    metrics=("cosine_residual", "r2_linear_residual", "r2_linear"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: cosine of the residual, and the variance that the best affine map explains of it and of D."""

    one = ((1.0, "affine", "solid"),)
    return sweep_panels.draw(
        data,
        [
            Panel("cosine of $y - D$", pair_score("cosine_residual"), ("empirical", "gaussian")),
            Panel(r"$R^2_{\mathrm{lin}}$ of $y - D$", measure("r2_linear_residual"), ("empirical",), one),
            Panel(r"$R^2_{\mathrm{lin}}$ of $D$", measure("r2_linear"), ("empirical",), one),
        ],
        (SIZE,),
    )
