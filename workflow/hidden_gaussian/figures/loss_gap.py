"""The denoising loss on training and on held-out images, at every noise level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.plotting import PARAMETERS, Curve, Entry, FigureData, Panel, measure, needs, sweep_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Loss on training and on held-out images",
    "",
    ("size",),
    needs.own_references("gaussian", nulls=("empirical",)),
    also=PARAMETERS[1:],
    inputs=("train", "heldout"),
    metrics=("gap", "gap_ratio", "loss_ratio"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: held-out less training loss, and both losses, each relative to the own Gaussian's."""
    heldout, train = (measure("loss_ratio", inputs=inputs, relation="gaussian") for inputs in ("heldout", "train"))
    unit = (1.0, "own Gaussian", "gaussian")
    panels = [
        Panel("held-out - training", _gap, ("empirical",), ((0.0, "no gap", "solid"), unit), (-1, 10), scale="symlog"),
        Panel("held-out loss", heldout, ("empirical",), (unit,), (0.1, 3), scale="log"),
        Panel("training loss", train, ("empirical",), (unit,), (0, 1.6)),
    ]
    return sweep_panels.draw(data, panels)


def _gap(data: FigureData, ids: Sequence[str]) -> Curve:
    """Return the gap in units of the Gaussian's, at the noise levels where the Gaussian's is known to exceed 0."""
    gaussians = dict.fromkeys(f"{DenoiserId.parse(name).subset.id}/gaussian" for name in ids)
    unit = data.curve("gap", list(gaussians), inputs="heldout")
    return data.curve("gap_ratio", ids, inputs="heldout", relation="gaussian").at_places(unit.x[unit.low > 0])
