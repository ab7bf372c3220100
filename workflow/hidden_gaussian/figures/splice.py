"""Which noise levels make a sample what it is: the network, replaced by another denoiser at some of them."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import NOTHING, Copying, Curve, Entry, FigureData, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INSIDES = {"gaussian": "Gaussian", "empirical": "empirical", "linear": "linear map"}


SCORES = (
    ("$r_c$ with own samples", "r_c"),
    (r"$f_{\mathrm{mem}}$", "memorised_fraction"),
    ("Frechet distance", "frechet_relative"),
)
"""Title and metric."""


def _needs(index: ResultsIndex) -> list[str]:
    cells = index.shown_splice_cells
    shards = [path for cell in cells for path in index.splices_of(cell)]
    return [*shards, *index.memorisation(cells), *index.measures([])]


ENTRY = Entry(
    "Samples with other denoisers at some noise levels",
    "",
    ("size",),
    _needs,
    requires="splice_cells",
    metrics=("r_c", "memorised_fraction", "frechet_relative"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: a row for each network and what replaces it, and one for a late start of the network."""
    cells = data.index.shown_splice_cells
    rows = [(cell, kind) for cell in cells for kind in INSIDES]
    figure = style.new(1.3 * (len(rows) + 1) + 0.3)
    panels = figure.subplots(len(rows) + 1, len(SCORES))
    for column, (title, metric) in enumerate(SCORES):
        found = [by_range(data, cell, kind, metric) for cell, kind in rows]
        largest = max(float(values.max(initial=0, where=values > 0)) for _, values in found)
        highest = largest if metric == "frechet_relative" else 1.0
        for index, (cell, _) in enumerate(rows):
            _ranges(panels[index, column], *found[index], highest)
            own = f" (own: {Copying.of(data, cell.id).text})" if metric == "memorised_fraction" else ""
            style.letter(panels[index, column], ascii_lowercase[index * len(SCORES) + column], title + own)
        panels[len(rows) - 1, column].set_xlabel(r"up to $\sigma$")
    for index, (cell, kind) in enumerate(rows):
        panels[index, 0].set_ylabel(f"{INSIDES[kind]},\n$N$ = {cell.subset_size:,}\nabove $\\sigma$")
    _starts(data, panels[-1], cells, ascii_lowercase[len(rows) * len(SCORES) :])
    return figure


def solver(data: FigureData, cell: Cell, kind: str) -> str:
    """Return the sampler that a denoiser is spliced into: Euler's where it, or the network, has its levels alone."""
    return "euler10" if kind == "linear" else data.index.solver(cell.id)


def by_range(data: FigureData, cell: Cell, kind: str, metric: str) -> tuple[list[float], NDArray[np.float64]]:
    """Return the ends of the ranges, and a score by lower end (rows) and upper end (columns), else NaN."""
    identifier, sampler = f"{cell.id}/splice-{kind}", solver(data, cell, kind)
    lows = sorted(data.parameters("r_c", identifier, sampler=sampler), key=_lower_end)
    found = {
        (_lower_end(low), high): data.curve(metric, identifier, sampler=sampler, parameter=low, at=high)
        for low in lows
        for high in data.places("r_c", identifier, sampler=sampler, parameter=low)
    }
    ends = sorted({end for pair in found for end in pair})
    values = [[_value(found.get((low, high), NOTHING)) for high in ends[1:]] for low in ends[:-1]]
    return ends, np.array(values)


def _lower_end(parameter: str) -> float:
    return float(parameter.removeprefix("above "))


def _value(curve: Curve) -> float:
    return float(curve.value[0]) if len(curve) else np.nan


def _ranges(axes: Axes, ends: Sequence[float], values: NDArray[np.float64], highest: float) -> None:
    """Draw the scores of every range on a scale that ends at `highest`, the same in all panels of a score."""

    from matplotlib.colors import Normalize

    if np.isnan(values).all():
        style.absent(axes, "held-out images")
        return
    scale = Normalize(0, highest)
    axes.pcolormesh(values, cmap=style.ramp_map(), norm=scale, edgecolor="white", linewidth=0.5)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            text = f"{value:.2f}".removeprefix("0") if value < 0.995 else f"{value:.2g}"
            colour = "white" if scale(value) < 0.6 else "black"
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7, color=colour)
    middles = np.arange(len(ends) - 1) + 0.5
    axes.set_xticks(middles, [f"{end:g}" for end in ends[1:]])
    axes.set_yticks(middles, [f"{end:g}" for end in ends[:-1]])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _starts(data: FigureData, panels: Sequence[Axes], cells: Sequence[Cell], letters: str) -> None:
    """Draw the scores over the level that the network starts at, with those of its own samples."""
    for column, (title, metric) in enumerate(SCORES):
        axes = panels[column]
        for colour, cell in zip((style.GAUSSIAN, style.NETWORK), cells, strict=False):
            sampler = solver(data, cell, "gaussian")
            curve = data.profile(metric, f"{cell.id}/teleport", sampler=sampler, parameter="start")
            started = curve.within(low=np.nextafter(0, 1))
            style.band(axes, started, f"$N$ = {cell.subset_size:,}", color=colour, marker="o", markersize=2)
            if metric == "memorised_fraction":
                own = Copying.of(data, cell.id).memorised.value[0]
                axes.axhline(own, color=style.GREY, ls=style.DASHES["empirical"])
        style.letter(axes, letters[column], title)
        if not any(np.isfinite(line.get_ydata()).any() for line in axes.lines):
            style.absent(axes, "held-out images")
            continue
        style.sigma_axis(axes, data.window, label=False)
        axes.set_xlabel(r"start $\sigma$")
    panels[0].set_ylabel("network after")
    panels[0].legend()
