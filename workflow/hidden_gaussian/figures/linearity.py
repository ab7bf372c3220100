"""Linearity against noise level, for growing training sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.cells import largest, smallest
from hidden_gaussian.plotting import (
    SIZE,
    Copying,
    Entry,
    FigureData,
    Groups,
    ids,
    judged,
    paper_curves,
    references,
    shown,
    style,
    subsets,
    untrained,
)
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


PANELS = (
    ("as published", "cosine (eq. 11)", "cosine"),
    ("mean subtracted", "cosine", "cosine_centred"),
    ("residual $y - D$", "cosine", "cosine_residual"),
    ("as published", "norm ratio (eq. 12)", "additivity_ratio"),
    ("mean subtracted", "norm ratio", "additivity_ratio_centred"),
    ("affinity", "squared gap / spread", "affinity"),
)
"""Title, axis label, and metric."""
PAPER = {0: "cosine", 3: "additivity_ratio"}  # panels that the paper has curves for


def _needs(index: ResultsIndex) -> list[str]:
    cells = index.cells("size")
    nulls = index.measures(largest(cells), "empirical", "gaussian", "identity")
    own = index.measures([*cells, *untrained(index)])
    return [*own, *index.measures(smallest(cells), "empirical"), *nulls, *index.memorisation(shown(cells))]


ENTRY = Entry(
    "Linearity against noise level",
    "Fig. 1",
    ("size",),
    _needs,
    also=("time", "clock"),
    metrics=("cosine", "cosine_centred", "cosine_residual", "additivity_ratio", "additivity_ratio_centred", "affinity"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: six scores over sigma, a curve for each subset size, dashed where the network memorises."""
    groups = SIZE.groups(data.index)
    copying = {size: Copying.of(data, shown(cells)[0].id) for size, cells in groups.items()}
    colours, _ = style.ramp(groups)
    figure = style.new(4.9)
    for index, (axes, (title, label, metric)) in enumerate(zip(figure.subplots(2, 3).flat, PANELS, strict=True)):
        _nulls(axes, data, metric, groups)
        for size, cells in groups.items():
            dashes = "--" if copying[size].memorises else "-"
            style.band(axes, data.curve(metric, ids(cells), at=data.alpha), color=colours[size], linestyle=dashes)
        if index in PAPER and paper_curves.has(data.index):
            _published(axes, PAPER[index], groups, colours)
        style.sigma_axis(axes, data.window, label=False)
        axes.set_xlabel(r"noise level $\sigma$" if index >= 3 else "")
        style.letter(axes, "abcdef"[index], title)
        axes.set_ylabel(label)
    _key(figure, data.index, groups, copying, colours)
    return figure


def _published(axes: Axes, score: str, groups: Groups, colours: dict[float, str]) -> None:
    for size, (sigma, heights) in paper_curves.by_size(score).items():
        if size in groups:
            axes.plot(sigma, heights, ":", color=colours[size], label=f"paper, {size:,}")


def _nulls(axes: Axes, data: FigureData, metric: str, groups: Groups) -> None:
    small, large = subsets(groups)
    for names, dashes in (
        (references(small, "empirical"), "empirical"),
        (references(large, "empirical"), "empirical_large"),
        (references(large, "gaussian"), "gaussian"),
        (references(large, "identity"), "identity"),
        *(([cell.id], "untrained") for cell in untrained(data.index)),
    ):
        curve = data.curve(metric, names, at=data.alpha)
        if len(curve):
            style.null(axes, curve, None, dashes)


def _key(
    figure: Figure, index: ResultsIndex, groups: Groups, copying: dict[int, Copying], colours: dict[float, str]
) -> None:
    from matplotlib.lines import Line2D

    start = untrained(index)
    small, large = (style.number(size) for size in (min(groups), max(groups)))
    networks = [
        Line2D([], [], color=colours[size], ls="--" if scores.memorises else "-", label=f"{size:,}: {scores.text}")
        for size, scores in copying.items()
    ]
    nulls = [
        Line2D([], [], color=style.GREY, ls=style.DASHES[dashes], lw=1, label=label)
        for dashes, label in (
            ("empirical", f"empirical, $N = {small}$"),
            ("empirical_large", f"empirical, $N = {large}$"),
            ("gaussian", f"Gaussian, $N = {large}$"),
            ("identity", "identity"),
            ("untrained", rf"untrained, $N = {style.number(start[0].subset_size)}$" if start else "untrained: absent"),
        )
    ]
    if paper_curves.has(index):
        nulls.append(Line2D([], [], color="k", ls=":", label="the paper's"))
    title = rf"$N$: $f_{{\mathrm{{mem}}}}$, GL ({judged(copying.values(), 'dashed: memorises')})"
    figure.legend(handles=networks, title=title, loc="outside lower left", ncols=2)
    figure.legend(
        handles=nulls,
        title="nulls",
        loc="outside lower right",
        ncols=2 if len(networks) <= 6 else 1,
    )
