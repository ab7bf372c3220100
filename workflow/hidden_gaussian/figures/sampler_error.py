"""What the samplers alone do wrong: amplitudes of a Gaussian's principal components, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hidden_gaussian.noise_schedule import SIGMA_MAX, SOLVERS
from hidden_gaussian.plotting import Entry, FigureData, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {"euler10": "Euler, 10 steps", "heun18": "Heun, 18 levels", "heun40": "Heun, 40 levels"}


def _needs(index: ResultsIndex) -> list[str]:
    return [f"{index.largest}/sampler_error.parquet"]


ENTRY = Entry("Error of the samplers", "", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: relative amplitude by component (a), and the error of all by where the sampler starts (b)."""
    table = data.sampler_error(data.index.largest)
    figure = style.new(2.5)
    amplitude, start = figure.subplots(1, 2)
    _amplitudes(amplitude, table[(table["sigma_max"] == SIGMA_MAX) & table["component"].notna()].sort_values("std"))
    _by_start(start, table[table["component"].isna()].sort_values("sigma_max"))
    figure.legend(*amplitude.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _amplitudes(axes: Axes, rows: pd.DataFrame) -> None:
    for sampler, part in rows.groupby("sampler", observed=True):
        label = LABELS.get(str(sampler), "finite start alone")
        axes.plot(part["std"] ** 2, part["amplitude"] / part["std"], label=label, **_look(str(sampler)))
    style.level(axes, 1, None)
    axes.set_xscale("log")
    style.log_ticks(axes.xaxis, 4)
    axes.set_xlabel(r"eigenvalue $\lambda$")
    axes.set_ylabel("samples' std / images'")
    style.letter(axes, "a", "amplitude")


def _by_start(axes: Axes, rows: pd.DataFrame) -> None:
    for sampler, part in rows.groupby("sampler", observed=True):
        axes.plot(part["sigma_max"], part["distance"] / part["std"], marker="o", **_look(str(sampler)))
    style.parameter_axis(axes, sorted(rows["sigma_max"].unique()), r"start $\sigma_{\max}$")
    axes.axvline(SIGMA_MAX, color=style.GREY, linewidth=0.8)
    axes.set_yscale("log")
    style.log_ticks(axes.yaxis)
    axes.set_ylabel("Wasserstein distance / std")
    style.letter(axes, "b", "all components")


def _look(sampler: str) -> dict[str, Any]:
    """Return colour and dashes: grey for the closed form, which has no error of a solver."""
    if sampler not in SOLVERS:
        return {"color": style.GREY, "ls": style.DASHES["gaussian"]}
    return {"color": style.CATEGORIES[list(SOLVERS).index(sampler)]}
