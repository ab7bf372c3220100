"""How much of the distance to the Gaussian is a linear mismatch, and how much no affine map has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hidden_gaussian.plotting import (
    PARAMETERS,
    Entry,
    FigureData,
    Groups,
    Panel,
    SweepAxis,
    ids,
    measure,
    needs,
    style,
    sweep_panels,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTERS = 12  # that fit side by side under a narrow panel
TOLERANCE = 0.02  # largest share of the cross term for stacked parts


ENTRY = Entry(
    "Linear mismatch and non-linear part",
    "",
    ("size",),
    needs.own_references("empirical", nulls=("empirical",)),
    also=PARAMETERS[1:],
    metrics=("nonlinear_share", "energy_cross", "rho", "rho_nonlinear", "rho_linear"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: the part that is not linear and the cross term over sigma, and the parts stacked."""
    bounds = ((-TOLERANCE, "cross term of 2 %", "solid"), (TOLERANCE, "", "solid"))
    return sweep_panels.draw(
        data,
        [
            Panel("not linear, share", measure("nonlinear_share"), ("empirical",), limits=(-0.1, 1.1)),
            Panel("cross term, share", measure("energy_cross"), ("empirical",), bounds),
            Panel("parts in the window", measure("nonlinear_share"), paint=stacked),
        ],
    )


def stacked(axes: Axes, data: FigureData, axis: SweepAxis, groups: Groups) -> dict[str, Artist]:
    """Stack the parts, pooled over the window, in units of the empirical denoiser's distance, where they add up."""

    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    for number, cells in enumerate(groups.values()):
        fit = data.in_window("rho_nonlinear", ids(cells))
        if not len(fit):
            _note(axes, number, "not distilled")
            continue
        total = data.in_window("rho", ids(cells))
        gap = data.in_window("rho_linear", [f"{cell.id}/linear" for cell in cells])
        if abs(float(data.in_window("energy_cross", ids(cells)).value[0])) <= TOLERANCE:
            axes.bar(number, gap.value, color=style.LINEAR)
            axes.bar(number, fit.value, bottom=gap.value, color=style.NETWORK)
        else:
            axes.plot(number, gap.value, "D", color=style.LINEAR)
        axes.errorbar(number, total.value, total.error, fmt="_", color="k", elinewidth=0.8)
    places = [style.number(place) for place in groups]
    step = math.ceil(len("".join(places)) / LETTERS)
    axes.set_xticks(range(0, len(places), step), places[::step])
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.set_xlabel(axis.label)
    looks = {"not linear": style.NETWORK, "linear mismatch": style.LINEAR}
    handles: dict[str, Artist] = {name: Patch(color=colour, label=name) for name, colour in looks.items()}
    handles["total"] = Line2D([], [], color="k", ls="", marker="_", label="distance to the Gaussian")
    handles["refused"] = Line2D([], [], color=style.LINEAR, ls="", marker="D", label="mismatch, not stacked")
    return handles


def _note(axes: Axes, number: int, text: str) -> None:
    across = axes.get_xaxis_transform()
    axes.text(number, 0.03, text, rotation=90, ha="center", va="bottom", fontsize=7, transform=across)
