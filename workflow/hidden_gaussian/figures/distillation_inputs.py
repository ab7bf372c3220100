"""How far distilled maps are from the Gaussian's, by the images that they are fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import (
    NOTHING,
    SIZE,
    Curve,
    Entry,
    FigureData,
    Measured,
    copying,
    ids,
    needs,
    ratio,
    style,
)
from hidden_gaussian.results_index import INPUT_NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("train", "heldout", "foreign")


ENTRY = Entry(
    "Distilled maps by the images they are fitted to",
    "",
    ("size",),
    needs.own_references("empirical", sweeps=("size",)),
    requires="distilled",
)


def draw(data: FigureData) -> Figure:
    """Return the figure: a panel for each kind of image, network beside empirical denoiser of the same subset."""

    from matplotlib.lines import Line2D

    measured = Measured(data)
    groups = SIZE.groups(data.index)
    colours = style.colours(groups)
    figure = style.new(2.9)
    panels = figure.subplots(1, 3, sharey=True)
    for letter, axes, inputs in zip("abc", panels, KINDS, strict=True):
        style.letter(axes, letter, f"{INPUT_NAMES[inputs]} images")
        drawn = False
        for size, cells in groups.items():
            drawn |= _curves(axes, measured, inputs, ids(cells), colours[size], _label(data, size, cells))
        if not drawn:
            style.absent(axes, f"\n'{inputs}' in distillation.inputs", frame=True)
            continue
        style.level(axes, 0, "Gaussian", "gaussian")
        style.sigma_axis(axes, measured.window(), label=False)
        axes.set_xlabel(r"noise level $\sigma$")
    panels[0].set_yscale("symlog", linthresh=0.01, linscale=0.5)
    panels[0].set_ylabel(r"mismatch / $E|D_G - \mu|^2$")
    lowest = min(float(np.min(line.get_ydata())) for axes in panels for line in axes.lines)
    panels[0].set_ylim(bottom=min(2 * lowest, -0.01))
    handles = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    null = "empirical, in the colour of its $N$"
    handles[null] = Line2D([], [], color=style.GREY, ls=style.DASHES["empirical"], lw=1)
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2)
    return figure


def _label(data: FigureData, size: int, cells: list[Cell]) -> str:
    return rf"$N$ = {style.number(size)} ($f_{{\mathrm{{mem}}}}$, GL: {copying(data, cells).text})"


def _curves(axes: Axes, measured: Measured, inputs: str, names: list[str], colour: str, label: str) -> bool:
    """Draw a network and its empirical denoiser (dashed); return whether there was anything to draw."""
    empirical = list(dict.fromkeys(f"{name.split('/')[0]}/empirical" for name in names))
    found = False
    for subjects, look in ((names, {"label": f"network, {label}"}), (empirical, {})):
        curve = mismatch(measured, measured.distilled(subjects, inputs), inputs)
        if not len(curve.x):
            continue
        found = True
        if look:
            style.band(axes, curve, color=colour, marker="o", markersize=2.5, **look)
        else:
            axes.plot(curve.x, curve.value, color=colour, ls=style.DASHES["empirical"], lw=1, alpha=0.7)
    return found


def mismatch(measured: Measured, names: list[str], inputs: str) -> Curve:
    """Return <L1 - D_G, L2 - D_G> of two independent maps over |D_G - mu|^2: unbiased, so it may be negative."""
    if not names:
        return NOTHING
    products = measured.table(names, "mismatch", "linear", inputs=inputs)
    return ratio(products, measured.table(names, "gaussian_spread", "linear", inputs=inputs), stream=inputs)
