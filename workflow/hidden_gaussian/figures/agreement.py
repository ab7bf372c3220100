"""How well networks of disjoint halves agree, over the number of training images, beside pairs that must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.cells import Cell, Subset
from hidden_gaussian.plotting import (
    HALVES,
    LOOKS,
    Curve,
    Entry,
    FigureData,
    Groups,
    copying,
    joined,
    pairs,
    shown,
    style,
    whole,
)
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = {
    "Gaussian a to b": "gaussian",
    "empirical a to b": "empirical",
    "stationary a to b": "mean",
    "other latents": "identity",
}
EARLY = {"halves_stopped": ("v", "network a to b, stopped early"), "halves_small_scale": ("p", "small network a to b")}
OTHERS = {"halves_large": "<", "halves_small": ">"}
"""Symbols of pairs of halves of other networks than those of the size sweep."""


def _needs(index: ResultsIndex) -> list[str]:
    cells = index.cells("size", *HALVES)
    files = [f"{cell.id}/agreement_{index.solver(cell.id)}.parquet" for cell in cells if cell.half == "a"]
    kinds = ["empirical", *(["stationary"] if "stationary" in index.sampled_references else [])]
    subsets = {Subset(cell.subset_size, cell.half) for cell in cells}
    for subset in sorted(part.id for part in subsets if part.half == "a" and part.other_half in subsets):
        files.append(f"{subset}/gaussian/agreement_exact.parquet")
        files += [f"{subset}/{kind}/agreement_{index.sampler}.parquet" for kind in kinds]
    return [*files, *index.memorisation(shown(whole(index)))]


ENTRY = Entry(
    "Agreement of halves by training images",
    "",
    ("size",),
    _needs,
    also=HALVES,
    metrics=("r_c", "memorised_fraction", "gl_score"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: r_c of pairs of samples (a), and memorised fraction and GL score of half a (b)."""
    groups: Groups = {}
    for cell in sorted(whole(data.index)):
        groups.setdefault(cell.subset_size, []).append(cell)
    groups = {size: cells for size, cells in groups.items() if any(cell.half == "a" for cell in cells)}
    figure = style.new(3.1)
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    for axes in (left, right):
        style.parameter_axis(axes, list(groups), "training images $N$")
    _pairs(left, data, groups)
    for sweep, (marker, label) in EARLY.items():
        _apart(left, data, data.index.cells(sweep), marker, label if data.index.cells(sweep) else f"{label}: absent")
    for sweep, marker in OTHERS.items():
        if others := [cell for cell in data.index.cells(sweep) if cell not in groups.get(cell.subset_size, [])]:
            _apart(left, data, others, marker, _name(others[0]))
    left.set_ylabel("$r_c$ of samples of the same latent")
    style.letter(left, "a", "agreement")
    _copying(right, data, groups)
    style.letter(right, "b", "copying, half a")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _pairs(axes: Axes, data: FigureData, groups: Groups) -> None:
    curves: dict[str, dict[int, Curve]] = {kind: {} for kind in LOOKS}
    for size, cells in groups.items():
        found = dict(pairs(data, cells))
        for kind, curve in found.items():
            curves[kind][size] = curve
        if "network a to b" not in found:
            axes.annotate("no half b", (size, 0), (0, 3), textcoords="offset points", color=style.GREY, rotation=90,
                          ha="center", va="bottom", fontsize=7)  # fmt: skip
    for kind, places in curves.items():
        curve = joined(places, places.values())
        if kind in DASHES:
            style.null(axes, curve, kind if places else f"{kind}: absent", DASHES[kind])
        else:
            style.band(axes, curve, kind, **LOOKS[kind])
    style.level(axes, 0, None)


def _name(cell: Cell) -> str:
    """Return what a pair of networks is called that are none of the size sweep."""
    return f"{cell.architecture}, scale {cell.scale}, {style.number(cell.images_seen)} images seen, a to b"


def _apart(axes: Axes, data: FigureData, cells: list[Cell], marker: str, label: str) -> None:
    """Draw a pair of networks that are not those of the curve beside its place."""
    if not cells:
        axes.plot([], [], marker, color=style.NETWORK, markerfacecolor="white", label=label)
        return
    curve = dict(pairs(data, cells))["network a to b"]
    place = [1.08 * cells[0].subset_size]
    axes.errorbar(
        place,
        curve.value,
        curve.error,
        fmt=marker,
        color=style.NETWORK,
        markerfacecolor="white",
        elinewidth=1,
        label=label,
    )


def _copying(axes: Axes, data: FigureData, groups: Groups) -> None:
    scores = {size: copying(data, cells) for size, cells in groups.items()}
    memorised = joined(scores, [score.memorised for score in scores.values()])
    style.band(axes, memorised, r"$f_{\mathrm{mem}}$", color=style.NETWORK, marker="o")
    gl = joined(scores, [score.gl for score in scores.values()])
    style.band(axes, gl, "GL score", color=style.GAUSSIAN, marker="s")
    nulls = {size: score.null for size, score in scores.items() if score.null is not None}
    if nulls:
        axes.plot(*zip(*nulls.items(), strict=True), color=style.GREY, ls=style.DASHES["identity"], lw=1,
                  label=rf"$f_{{\mathrm{{mem}}}}$, {data.index.unseen_name}")  # fmt: skip
    axes.legend(
        loc="best",
    )
