"""Linearity of what a denoiser removes: of the residual y - D, which is the score times -sigma^2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.figures.linearity import cosine
from hidden_gaussian.plotting import NOTHING, SIZE, Curve, Entry, FigureData, Measured, Panel, needs, sweep_panels
from hidden_gaussian.tables import left

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Linearity of the residual", "rebuttal R3", ("size",), needs.sweep_panels("empirical", "gaussian", sweeps=("size",))
)


def draw(data: FigureData) -> Figure:
    """Return the figure: cosine of the residual, and the variance that the best affine map explains of it and of D."""

    def residual(measured: Measured, ids: list[str]) -> Curve:
        return explained(measured, ids, "residual_norm_centred")

    def output(measured: Measured, ids: list[str]) -> Curve:
        return explained(measured, ids, "norm_centred")

    one = ((1.0, "affine", "solid"),)
    return sweep_panels.draw(
        data,
        [
            Panel("cosine of $y - D$", _cosine, ("empirical", "gaussian")),
            Panel(r"$R^2_{\mathrm{lin}}$ of $y - D$", residual, ("empirical",), one),
            Panel(r"$R^2_{\mathrm{lin}}$ of $D$", output, ("empirical",), one),
        ],
        (SIZE,),
    )


def _cosine(measured: Measured, ids: list[str]) -> Curve:
    return cosine(measured, ids, "_residual")


def explained(measured: Measured, ids: list[str], spread: str) -> Curve:
    """Return 1 - |D - D_L|^2 / spread over sigma, for the denoisers that were distilled, cross-fitted.

    Parameters
    ----------
    spread : str
        ``norm_centred`` of the output, or ``residual_norm_centred``: an affine fit of one is an affine fit of both.
    """
    ids = measured.distilled(ids)
    if not ids:
        return NOTHING
    tables = [measured.table(ids, "nonlinear", "linear"), measured.table(ids, spread)]
    return measured.combined(tables, left)
