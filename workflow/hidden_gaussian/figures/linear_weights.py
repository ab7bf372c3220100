"""The distilled weight matrix against the Gaussian's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import NOTHING, Curve, Entry, FigureData, needs, scored, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Distilled weights against the Gaussian's",
    "Fig. 4 left",
    ("size",),
    needs.both_ends("empirical"),
    requires="distilled",
    metrics=("weight_distance", "weight_distance_raw", "asymmetry"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: mismatch over the noises used (a), over sigma for two sizes (b), and the asymmetry (c)."""

    from matplotlib.lines import Line2D

    figure = style.new(2.9)
    draws, mismatch, asymmetry = figure.subplots(1, 3, width_ratios=[1.1, 1, 1])
    _along_draws(draws, data, data.index.main)
    cells = {cell.id: cell for cell in (data.index.main, data.index.smallest)}
    for colour, (identifier, cell) in zip((style.NETWORK, style.GAUSSIAN), cells.items(), strict=False):
        for axes, metric in ((mismatch, "weight_distance"), (asymmetry, "asymmetry")):
            curve = weight_curve(data, metric, identifier)
            axes.plot(curve.x, curve.value, "o-", color=colour, label=f"network, {scored(data, cell)}")
            null = weight_curve(data, metric, f"{cell.subset}/empirical")
            if len(null):
                dashes = "empirical_large" if cell == data.index.main else "empirical"
                style.null(axes, null, f"empirical, $N$ = {cell.subset_size:,}", dashes)
    for axes in (mismatch, asymmetry):
        style.sigma_axis(axes, data.window, label=False)
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


def weight_curve(data: FigureData, metric: str, identifier: str) -> Curve:
    """Return a measure of distilled weights over sigma, fitted to the most noises; it has no interval."""
    draws = data.places(metric, identifier, parameter="draws")
    return data.curve(metric, identifier, parameter="draws", at=draws[-1]) if draws else NOTHING


def _along_draws(axes: Axes, data: FigureData, cell: Cell) -> None:
    """Draw the cross-fitted mismatch and, dotted, the plain one, whose excess is the noise of the fit."""
    levels = data.levels("weight_distance", cell.id, parameter="draws")
    colours, scale = style.ramp(levels)
    for sigma in levels:
        for metric, look in (("weight_distance", "o-"), ("weight_distance_raw", ":")):
            curve = data.profile(metric, cell.id, sigma, parameter="draws")
            axes.plot(curve.x, curve.value, look, color=colours[sigma], lw=1)
    axes.set_xscale("log", base=2)
    ticks = data.places("weight_distance", cell.id, parameter="draws")
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
