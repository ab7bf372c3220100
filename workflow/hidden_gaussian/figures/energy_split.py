"""How much of the distance to the Gaussian is a linear mismatch, and how much no affine map has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hidden_gaussian.plotting import (
    NOTHING,
    PARAMETERS,
    Curve,
    Entry,
    FigureData,
    Groups,
    Measured,
    Panel,
    SweepAxis,
    ids,
    needs,
    style,
    sweep_panels,
)
from hidden_gaussian.tables import cross_share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTERS = 12  # that fit side by side under a narrow panel
TOLERANCE = 0.02  # share of the cross term up to which the parts may be stacked


ENTRY = Entry(
    "Linear mismatch and non-linear part",
    "",
    ("size",),
    needs.own_references("empirical", nulls=("empirical",)),
    also=PARAMETERS[1:],
)


def draw(data: FigureData) -> Figure:
    """Return the figure: the part that is not linear and the cross term over sigma, and the parts stacked."""
    bounds = ((-TOLERANCE, "cross term of 2 %", "solid"), (TOLERANCE, "", "solid"))
    return sweep_panels.draw(
        data,
        [
            Panel("not linear, share", nonlinear, ("empirical",), limits=(-0.1, 1.1)),
            Panel("cross term, share", cross, ("empirical",), bounds),
            Panel("parts in the window", nonlinear, paint=stacked),
        ],
    )


def parts(measured: Measured, names: list[str]) -> list[pd.DataFrame]:
    """Return |D - D_G|^2, |D - D_L|^2 and |D_L - D_G|^2 of those denoisers that were distilled; of none, nothing.

    The two parts are products of independent fits, so that the noise of the fit adds to neither.
    """
    names = measured.distilled(names)
    asked = (("distance", "gaussian"), ("nonlinear", "linear"), ("mismatch", "linear"))
    return [measured.table(names, quantity, reference) for quantity, reference in asked] if names else []


def nonlinear(measured: Measured, names: list[str]) -> Curve:
    """Return |D - D_L|^2 / |D - D_G|^2 over sigma."""
    tables = parts(measured, names)
    return measured.combined(tables, lambda whole, fit, _: fit / whole) if tables else NOTHING


def cross(measured: Measured, names: list[str]) -> Curve:
    """Return the share of the cross term over sigma."""
    tables = parts(measured, names)
    return measured.combined(tables, cross_share) if tables else NOTHING


def stacked(axes: Axes, measured: Measured, varied: SweepAxis, groups: Groups) -> dict[str, Artist]:
    """Stack the parts, pooled over the window, in units of the empirical denoiser's distance, where they add up."""

    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    for number, cells in enumerate(groups.values()):
        tables = [measured.in_window(table) for table in parts(measured, ids(cells))]
        if not tables:
            _note(axes, number, "not distilled")
            continue
        unit = measured.in_window(measured.scale(measured.distilled(ids(cells))))
        total, fit, gap = (measured.ratio(table, unit) for table in tables)
        excess = float(measured.combined(tables, cross_share).value[0])
        if abs(excess) <= TOLERANCE:
            axes.bar(number, gap.value, color=style.LINEAR)
            axes.bar(number, fit.value, bottom=gap.value, color=style.NETWORK)
        else:
            _refused(axes, measured, number, ids(cells))
        error = [total.value - total.low, total.high - total.value]
        axes.errorbar(number, total.value, error, fmt="_", color="k", elinewidth=0.8)
    places = [style.number(place) for place in groups]
    step = math.ceil(len("".join(places)) / LETTERS)
    axes.set_xticks(range(0, len(places), step), places[::step])
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.set_xlabel(varied.label)
    looks = {"not linear": style.NETWORK, "linear mismatch": style.LINEAR}
    handles: dict[str, Artist] = {name: Patch(color=colour, label=name) for name, colour in looks.items()}
    handles["total"] = Line2D([], [], color="k", ls="", marker="_", label="distance to the Gaussian")
    handles["refused"] = Line2D([], [], color=style.LINEAR, ls="", marker="D", label="mismatch, not stacked")
    return handles


def _note(axes: Axes, number: int, text: str) -> None:
    across = axes.get_xaxis_transform()
    axes.text(number, 0.03, text, rotation=90, ha="center", va="bottom", fontsize=7, transform=across)


def _refused(axes: Axes, measured: Measured, number: int, names: list[str]) -> None:
    """Draw the cross-fitted mismatch alone, which the noise of the fit does not raise, where parts do not add up."""
    names = measured.distilled(names)
    mismatch = measured.in_window(measured.table(names, "mismatch", "linear"))
    axes.plot(
        number, measured.ratio(mismatch, measured.in_window(measured.scale(names))).value, "D", color=style.LINEAR
    )
