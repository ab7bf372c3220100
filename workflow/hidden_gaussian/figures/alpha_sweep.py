"""Linearity by the weights of the two images that are mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import Copying, Curve, Entry, FigureData, needs, paper_curves, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


PANELS = (
    ("cosine", "cosine", "cosine"),
    ("norm ratio", "additivity_ratio", "additivity_ratio"),
    ("cosine, centred", "cosine_centred", ""),
    ("cosine, $y - D$", "cosine_residual", ""),
)
"""Title, metric, and what the paper's curves of it are called."""


ENTRY = Entry(
    "Linearity by the weights of the mixture",
    "Fig. 10",
    ("size",),
    needs.both_ends("gaussian", "empirical", also=ResultsIndex.linearity),
    requires="alphas",
    metrics=("cosine", "cosine_centred", "cosine_residual", "additivity_ratio"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: rows for the smallest and the largest subset, and for the latter on noise alone."""
    index = data.index
    squares = sorted(alpha**2 for alpha in index.alphas)
    colours, _ = style.ramp(squares)
    on_noise = "noise" in index.inputs
    rows: list[tuple[Cell, str | None]] = [(index.smallest, None), (index.main, None), (index.main, "noise")]
    figure = style.new(5.5 if on_noise else 4.2)
    grid = figure.add_gridspec(3, len(PANELS), height_ratios=[1, 1, 1 if on_noise else 0.15])
    for row, (cell, inputs) in enumerate(rows):
        if inputs and not on_noise:
            style.absent(figure.add_subplot(grid[row, :]), "'noise' in measures.inputs")
            continue
        for column, (title, metric, name) in enumerate(PANELS):
            axes = figure.add_subplot(grid[row, column])
            _nulls(axes, data, cell.subset, metric, _weight(index.alphas, most_even(squares)), inputs)
            for square in squares:
                curve = _curve(data, metric, cell.id, _weight(index.alphas, square), inputs)
                style.band(axes, curve, color=colours[square], marker="o", markersize=2)
            if name and paper_curves.has(index) and cell.subset_size == paper_curves.SIZE:
                _published(axes, name, inputs or "foreign", colours)
            style.sigma_axis(axes, data.window, label=False)
            style.log_ticks(axes.xaxis, 3)
            axes.set_xlabel(r"noise level $\sigma$" if row == (2 if on_noise else 1) else "")
            style.letter(axes, "abcdefghijkl"[row * len(PANELS) + column], title)
        what = "noise alone" if inputs else "noised images"
        figure.axes[row * len(PANELS)].set_ylabel(f"{what}, $N$ = {cell.subset_size:,}\n{_scores(data, cell.id)}")
    _key(figure, colours, squares, paper=paper_curves.has(index))
    return figure


def most_even(squares: Sequence[float]) -> float:
    """Return the weight a^2 at which the two images of a pair count most nearly alike."""
    return min(squares, key=lambda square: abs(square - 0.5))


def _scores(data: FigureData, identifier: str) -> str:
    return rf"($f_{{\mathrm{{mem}}}}$, GL: {Copying.of(data, identifier).text})"


def _nulls(axes: Axes, data: FigureData, subset: str, metric: str, alpha: float, inputs: str | None) -> None:
    for kind in ("gaussian", "empirical"):
        style.null(axes, _curve(data, metric, f"{subset}/{kind}", alpha, inputs), None, kind)


def _curve(data: FigureData, metric: str, identifier: str, alpha: float, inputs: str | None) -> Curve:
    return data.curve(metric, identifier, at=alpha, inputs=inputs or data.index.unseen)


def _weight(alphas: Sequence[float], square: float) -> float:
    """Return the weight whose square is given, as it was measured."""
    return min(alphas, key=lambda alpha: abs(alpha**2 - square))


def _published(axes: Axes, name: str, inputs: str, colours: dict[float, Any]) -> None:
    """Draw the paper's curves of those weights that were measured, dotted."""
    for square, (sigma, heights) in paper_curves.by_alpha(name, inputs).items():
        for own, colour in colours.items():
            if abs(own - square) < 0.005:
                axes.plot(sigma, heights, ":", color=colour)


def _key(figure: Figure, colours: dict[float, Any], squares: list[float], *, paper: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colours[square], label=rf"$\alpha^2$ = {square:.2f}") for square in squares]
    for kind, name in (("gaussian", "Gaussian"), ("empirical", "empirical")):
        label = rf"{name}, $\alpha^2$ = {most_even(squares):.2f}"
        handles.append(Line2D([], [], color=style.GREY, ls=style.DASHES[kind], lw=1, label=label))
    if paper:
        handles.append(Line2D([], [], color="k", ls=":", label="the paper's"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
