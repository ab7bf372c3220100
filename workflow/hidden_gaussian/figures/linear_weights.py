"""The distilled weight matrix against the Gaussian's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hidden_gaussian.plotting import NOTHING, Array, Curve, Entry, FigureData, Measured, needs, scored, style
from hidden_gaussian.tables import signed_root_ratio

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Distilled weights against the Gaussian's",
    "Fig. 4 left",
    ("size",),
    needs.both_ends("empirical"),
    requires="distilled",
)


def draw(data: FigureData) -> Figure:
    """Return the figure: mismatch over the noises used (a), over sigma for two sizes (b), and the asymmetry (c)."""

    from matplotlib.lines import Line2D

    measured = Measured(data)
    figure = style.new(2.9)
    draws, mismatch, asymmetry = figure.subplots(1, 3, width_ratios=[1.1, 1, 1])
    _along_draws(draws, weights(measured, data.index.main.id))
    cells = {cell.id: cell for cell in (data.index.main, data.index.smallest)}
    for colour, (identifier, cell) in zip((style.NETWORK, style.GAUSSIAN), cells.items(), strict=False):
        for axes, name, denominator in (
            (mismatch, "weight_mismatch", "gaussian_weight"),
            (asymmetry, "asymmetry_product", "linear_product"),
        ):
            curve = over_sigma(weights(measured, identifier), name, denominator)
            axes.plot(curve.x, curve.value, "o-", color=colour, label=f"network, {scored(data, cell)}")
            null = over_sigma(weights(measured, f"{cell.subset}/empirical"), name, denominator)
            if len(null.x):
                dashes = "empirical_large" if cell == data.index.main else "empirical"
                style.null(axes, null, f"empirical, $N$ = {cell.subset_size:,}", dashes)
    for axes in (mismatch, asymmetry):
        style.sigma_axis(axes, measured.window(), label=False)
        axes.set_xlabel(r"noise level $\sigma$")
    style.level(mismatch, 1, "$W = 0$", "mean")
    style.level(mismatch, 0, None)
    style.letter(mismatch, "b", "cross-fitted")
    mismatch.set_ylabel(r"$\|W - W_G\| / \|W_G\|$")
    _roots(mismatch)
    style.level(asymmetry, 0, None)
    style.letter(asymmetry, "c", "asymmetry")
    asymmetry.set_ylabel(r"$\|W - W^\top\| / \|W\|$")
    looks: dict[str, dict[str, Any]] = {"a: cross-fitted": {"ls": "-", "marker": "o"}, "a: plain": {"ls": ":"}}
    handles = [Line2D([], [], color="k", lw=1, label=label, **look) for label, look in looks.items()]
    handles += mismatch.get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def weights(measured: Measured, identifier: str, parameter: str = "draws") -> pd.DataFrame:
    """Return what was found of the distilled maps, one row for each sigma and number of noises, or rank, or epoch."""
    rows = measured.shard(identifier)
    rows = rows[(rows["parameter"] == parameter) & (rows["reference_id"] == f"{identifier}/linear")]
    wide = rows.pivot_table(index=["sigma", "at"], columns="quantity", values="value", observed=True)
    return wide.reset_index()


def over_sigma(table: pd.DataFrame, numerator: str, denominator: str) -> Curve:
    """Return the signed root of a ratio over sigma at the largest number of noises; it has no interval."""
    if table.empty:
        return NOTHING
    last = table[table["at"] == table["at"].max()].sort_values("sigma")
    values = _root_ratio(last, numerator, denominator)
    return Curve(last["sigma"].to_numpy(), values, values, values)


def _root_ratio(rows: pd.DataFrame, numerator: str, denominator: str = "gaussian_weight") -> Array:
    return signed_root_ratio(rows[numerator].to_numpy(float), rows[denominator].to_numpy(float))


def _along_draws(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the cross-fitted mismatch and, dotted, the plain one, whose excess is the noise of the fit."""
    colours, scale = style.ramp(table["sigma"])
    for sigma, rows in table.groupby("sigma"):
        rows = rows.sort_values("at")
        colour = colours[float(str(sigma))]
        axes.plot(rows["at"], _root_ratio(rows, "weight_mismatch"), "o-", color=colour, lw=1)
        axes.plot(rows["at"], _root_ratio(rows, "weight_gap"), ":", color=colour, lw=1)
    axes.set_xscale("log", base=2)
    ticks = sorted(table["at"].unique())
    axes.set_xticks(ticks, [style.number(tick) for tick in ticks])
    axes.set_xlabel("noises used")
    axes.set_ylabel(r"$\|W - W_G\| / \|W_G\|$")
    _roots(axes)
    style.level(axes, 0, None)
    style.letter(axes, "a", "by noises used")
    style.sigma_bar(axes.figure, scale, axes, aspect=25)


def _roots(axes: Axes) -> None:
    """Make the y axis linear to 1, where the sign of a cross-fitted root matters, and logarithmic beyond."""

    from matplotlib.ticker import FixedLocator

    axes.set_yscale("symlog", linthresh=1)
    axes.margins(y=0.03)
    axes.yaxis.set_major_locator(FixedLocator([-10, -1, -0.5, 0, 0.5, 1, 2, 5, 10, 100]))
    axes.yaxis.set_major_formatter("{x:g}")
