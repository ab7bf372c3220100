"""Linearity against noise level, for growing training sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import largest, smallest
from hidden_gaussian.plotting import (
    SIZE,
    Copying,
    Curve,
    Entry,
    FigureData,
    Groups,
    Measured,
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
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Score = Callable[[Measured, list[str]], Curve]


def cosine(measured: Measured, ids: list[str], suffix: str = "") -> Curve:
    """Return the mean cosine between D(a y1 + b y2) and a D(y1) + b D(y2) (Li et al. eq. 11)."""

    import pandas as pd

    total = pd.DataFrame()
    for identifier in ids:
        inner, mixed, combined = _products(measured, identifier, ("mixed_inner", "mixed_norm", "combined_norm"), suffix)
        cosines = inner / (mixed * combined).pow(0.5)
        total = cosines if total.empty else total + cosines
    return measured.mean((total / len(ids)).dropna(axis=1))


def additivity(measured: Measured, ids: list[str], suffix: str = "") -> Curve:
    """Return the mean of |D(a y1 + b y2) - (a D(y1) + b D(y2))| / |a D(y1) + b D(y2)| (Li et al. eq. 12, as coded)."""

    import pandas as pd

    total = pd.DataFrame()
    for identifier in ids:
        gap, combined = _products(measured, identifier, ("mixed_gap", "combined_norm"), suffix)
        ratios = (gap / combined).pow(0.5)
        total = ratios if total.empty else total + ratios
    return measured.mean((total / len(ids)).dropna(axis=1))


def _products(measured: Measured, identifier: str, names: Sequence[str], suffix: str) -> list[pd.DataFrame]:
    return [measured.table(identifier, f"{name}{suffix}", pairs=True) for name in names]


def affinity(measured: Measured, ids: list[str]) -> Curve:
    """Return the squared gap of an affine mixture relative to the spread of the outputs: 0 for every affine map."""
    return measured.ratio(
        measured.table(ids, "affine_gap", pairs=True), measured.table(ids, "norm_centred", pairs=True)
    )


PANELS: tuple[tuple[str, str, Score], ...] = (
    ("as published", "cosine (eq. 11)", cosine),
    ("mean subtracted", "cosine", lambda measured, ids: cosine(measured, ids, "_centred")),
    ("residual $y - D$", "cosine", lambda measured, ids: cosine(measured, ids, "_residual")),
    ("as published", "norm ratio (eq. 12)", additivity),
    ("mean subtracted", "norm ratio", lambda measured, ids: additivity(measured, ids, "_centred")),
    ("affinity", "squared gap / spread", affinity),
)
PAPER = {0: "cosine", 3: "additivity_ratio"}  # panels of which the paper has curves


def _needs(index: ResultsIndex) -> list[str]:
    cells = index.cells("size")
    nulls = index.measures(largest(cells), "empirical", "gaussian", "identity")
    own = index.measures([*cells, *untrained(index)])
    return [*own, *index.measures(smallest(cells), "empirical"), *nulls, *index.memorisation(shown(cells))]


ENTRY = Entry("Linearity against noise level", "Fig. 1", ("size",), _needs, also=("time", "clock"))


def draw(data: FigureData) -> Figure:
    """Return the figure: six scores over sigma, a curve for each subset size, dashed where the network memorises."""
    measured = Measured(data)
    groups = SIZE.groups(data.index)
    copying = {size: Copying.of(data, shown(cells)[0].id) for size, cells in groups.items()}
    colours, _ = style.ramp(groups)
    figure = style.new(4.9)
    for index, (axes, (title, label, score)) in enumerate(zip(figure.subplots(2, 3).flat, PANELS, strict=True)):
        _nulls(axes, measured, score, groups)
        for size, cells in groups.items():
            dashes = "--" if copying[size].memorises else "-"
            style.band(axes, score(measured, [cell.id for cell in cells]), color=colours[size], linestyle=dashes)
        if index in PAPER and paper_curves.has(data.index):
            _published(axes, PAPER[index], groups, colours)
        style.sigma_axis(axes, measured.window(), label=False)
        axes.set_xlabel(r"noise level $\sigma$" if index >= 3 else "")
        style.letter(axes, "abcdef"[index], title)
        axes.set_ylabel(label)
    _key(figure, data.index, groups, copying, colours)
    return figure


def _published(axes: Axes, score: str, groups: Groups, colours: dict[float, str]) -> None:
    for size, (sigma, heights) in paper_curves.by_size(score).items():
        if size in groups:
            axes.plot(sigma, heights, ":", color=colours[size], label=f"paper, {size:,}")


def _nulls(axes: Axes, measured: Measured, score: Score, groups: Groups) -> None:
    small, large = subsets(groups)
    for names, dashes in (
        (references(small, "empirical"), "empirical"),
        (references(large, "empirical"), "empirical_large"),
        (references(large, "gaussian"), "gaussian"),
        (references(large, "identity"), "identity"),
        *(([cell.id], "untrained") for cell in untrained(measured.data.index)),
    ):
        curve = score(measured, names)
        if np.isfinite(curve.value).any():
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
    figure.legend(handles=nulls, title="nulls", loc="outside lower right", ncols=2 if len(networks) <= 6 else 1)
