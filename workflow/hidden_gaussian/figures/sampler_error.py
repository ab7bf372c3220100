"""What the samplers alone do wrong: amplitudes of a Gaussian's principal components, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hidden_gaussian.noise_schedule import SIGMA_MAX, SOLVERS
from hidden_gaussian.plotting import Curve, Entry, FigureData, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {"euler10": "Euler, 10 steps", "heun18": "Heun, 18 levels", "heun40": "Heun, 40 levels"}


def _needs(index: ResultsIndex) -> list[str]:
    return [f"{index.largest}/sampler_error.parquet"]


SAMPLERS = (*SOLVERS, "exact")

ENTRY = Entry("Error of the samplers", "", ("size",), _needs, metrics=("amplitude_ratio", "wasserstein_ratio"))


def draw(data: FigureData) -> Figure:
    """Return the figure: relative amplitude by component (a), and the error of all by where the sampler starts (b)."""
    figure = style.new(2.5)
    amplitude, start = figure.subplots(1, 2)
    _amplitudes(amplitude, data)
    _by_start(start, data)
    figure.legend(*amplitude.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _amplitudes(axes: Axes, data: FigureData) -> None:
    for sampler in SAMPLERS:
        curve = _profile(data, "amplitude_ratio", sampler)
        label = LABELS.get(sampler, "finite start alone")
        axes.plot(curve.x, curve.value, label=label, **_look(sampler))
    style.level(axes, 1, None)
    axes.set_xscale("log")
    style.log_ticks(axes.xaxis, 4)
    axes.set_xlabel("principal component")
    axes.set_ylabel("samples' std / images'")
    style.letter(axes, "a", "amplitude")


def _profile(data: FigureData, metric: str, sampler: str) -> Curve:
    return data.profile(metric, f"{data.index.largest}/gaussian", sampler=sampler)


def _by_start(axes: Axes, data: FigureData) -> None:
    for sampler in SAMPLERS:
        curve = _profile(data, "wasserstein_ratio", sampler)
        axes.plot(curve.x, curve.value, marker="o", **_look(sampler))
    style.parameter_axis(axes, curve.x.tolist(), r"start $\sigma_{\max}$")
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
