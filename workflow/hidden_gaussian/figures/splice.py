"""Which noise levels make a sample what it is: the network, replaced by another denoiser at some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import Copying, Curve, Entry, FigureData, Measured, curves, memorised, style, wide
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.tables import formulas

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INSIDES = {"gaussian": "Gaussian", "empirical": "memoriser", "linear": "linear map"}
NOT_MEASURED = Curve(*np.full((4, 1), np.nan))


def correlation(rows: pd.DataFrame) -> Curve:
    """Return r_c, the correlation with the network's own samples less the mean image."""
    parts = wide(rows[rows["quantity"].isin(["inner", "norm_a", "norm_b"])])
    tables = [parts[[name]].set_axis([0.0], axis=1) for name in ("inner", "norm_a", "norm_b")]
    return curves.combined(tables, formulas.correlation, stream="latents")


def copies(rows: pd.DataFrame) -> Curve:
    """Return the memorised fraction."""
    return memorised(wide(rows[rows["quantity"].isin(["nearest", "second"])]))


def quality(rows: pd.DataFrame) -> Curve:
    """Return the Frechet distance over the variance; NaN where there are no held-out images."""
    distance = rows[rows["quantity"] == "frechet"].sort_values("draw")["value"].to_numpy(float)
    scale = rows.loc[rows["quantity"] == "frechet_scale", "value"].to_numpy(float)
    if len(distance) != bootstrap.POOLED:
        return NOT_MEASURED
    return curves.curve(np.zeros(1), distance[None] / scale[0])


SCORES: tuple[tuple[str, Callable[[pd.DataFrame], Curve]], ...] = (
    ("$r_c$ with own samples", correlation),
    (r"$f_{\mathrm{mem}}$", copies),
    ("Frechet distance", quality),
)


def _needs(index: ResultsIndex) -> list[str]:
    cells = index.shown_splice_cells
    shards = [path for cell in cells for path in index.splices_of(cell)]
    return [*shards, *index.memorisation(cells), *index.measures([])]


ENTRY = Entry("Samples with other denoisers at some noise levels", "", ("size",), _needs, requires="splice_cells")


def draw(data: FigureData) -> Figure:
    """Return the figure: a row for each network and what replaces it, and one for a late start of the network."""
    cells = data.index.shown_splice_cells
    rows = [(cell, kind) for cell in cells for kind in INSIDES]
    figure = style.new(1.3 * (len(rows) + 1) + 0.3)
    panels = figure.subplots(len(rows) + 1, len(SCORES))
    shards = {
        (cell, kind): data.shard(cell.id, "splice", solver(data, cell, kind)) for cell in cells for kind in INSIDES
    }
    for column, (title, score) in enumerate(SCORES):
        found = []
        for cell, kind in rows:
            shard = shards[cell, kind]
            found.append(by_range(shard[shard["id"] == f"{cell.id}/splice-{kind}"], score))
        highest = (
            1.0 if score is not quality else max(float(values.max(initial=0, where=values > 0)) for _, values in found)
        )
        for index, (cell, _) in enumerate(rows):
            _ranges(panels[index, column], *found[index], highest)
            own = f" (own: {Copying.of(data, cell.id).text})" if score is copies else ""
            style.letter(panels[index, column], ascii_lowercase[index * len(SCORES) + column], title + own)
        panels[len(rows) - 1, column].set_xlabel(r"up to $\sigma$")
    for index, (cell, kind) in enumerate(rows):
        panels[index, 0].set_ylabel(f"{INSIDES[kind]},\n$N$ = {cell.subset_size:,}\nabove $\\sigma$")
    chosen = {cell: shards[cell, "gaussian"] for cell in cells}
    _starts(data, panels[-1], chosen, ascii_lowercase[len(rows) * len(SCORES) :])
    return figure


def solver(data: FigureData, cell: Cell, kind: str) -> str:
    """Return the sampler that a denoiser is spliced into: Euler's where it, or the network, has its levels alone."""
    return "euler10" if kind == "linear" else data.index.solver(cell.id)


def by_range(rows: pd.DataFrame, score: Callable[[pd.DataFrame], Curve]) -> tuple[list[float], NDArray[np.float64]]:
    """Return the ends of the ranges, and a score by lower end (rows) and upper end (columns), else NaN."""
    found = {
        (float(str(low).removeprefix("above ")), float(str(high))): float(score(part).value[0])
        for (low, high), part in rows.groupby(["parameter", "at"], observed=True)
    }
    ends = sorted({end for pair in found for end in pair})
    values = [[found.get((low, high), np.nan) for high in ends[1:]] for low in ends[:-1]]
    return ends, np.array(values)


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


def _starts(data: FigureData, panels: Sequence[Axes], shards: dict[Cell, pd.DataFrame], letters: str) -> None:
    """Draw the scores over the level that the network starts at, with those of its own samples."""
    window = Measured(data).window()
    for column, (title, score) in enumerate(SCORES):
        axes = panels[column]
        for colour, (cell, shard) in zip((style.GAUSSIAN, style.NETWORK), shards.items(), strict=False):
            rows = shard[(shard["parameter"] == "start") & (shard["at"] > 0)]
            parts = {float(str(at)): score(part) for at, part in rows.groupby("at")}
            name = f"$N$ = {cell.subset_size:,}"
            style.band(axes, curves.joined(parts, parts.values()), name, color=colour, marker="o", markersize=2)
            if score is copies:
                axes.axhline(
                    Copying.of(data, cell.id).memorised.value[0], color=style.GREY, ls=style.DASHES["empirical"]
                )
        style.letter(axes, letters[column], title)
        if not any(np.isfinite(line.get_ydata()).any() for line in axes.lines):
            style.absent(axes, "held-out images")
            continue
        style.sigma_axis(axes, window, label=False)
        axes.set_xlabel(r"start $\sigma$")
    panels[0].set_ylabel("network after")
    panels[0].legend()
