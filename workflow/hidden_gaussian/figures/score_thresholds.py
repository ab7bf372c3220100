"""How many samples count as copies, by the threshold from which on they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian import metrics
from hidden_gaussian.figures.generalisation_score import PAPER_THRESHOLD
from hidden_gaussian.plotting import SIZE, Entry, FigureData, Groups, Row, layout, shown, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = (
    ("memorised_fraction_curve", 1 / 3, "nearest / second nearest", r"copies: threshold of $f_{\mathrm{mem}}$"),
    ("gl_fraction_curve", PAPER_THRESHOLD, "nearest / length (GL)", "threshold of GL"),
)


def _needs(index: ResultsIndex) -> list[str]:
    return index.memorisation(shown(index.cells("size")))


ENTRY = Entry(
    "Copies by threshold", "rebuttal R1", ("size",), _needs, metrics=("memorised_fraction_curve", "gl_fraction_curve")
)


def draw(data: FigureData) -> Figure:
    """Return the figure: the share of samples with a ratio of distances below a threshold, of both ratios."""
    groups = SIZE.groups(data.index)
    row = Row(data, SIZE, groups)
    figure = style.new(2.7)
    grid = layout(figure, PANELS, [1.0])
    for column, (metric, usual, label, title) in enumerate(PANELS):
        axes = figure.add_subplot(grid[0, column])
        if data.index.photographs:
            _nulls(axes, data, groups, metric)
        for size, cells in groups.items():
            identifier = shown(cells)[0].id
            curve = data.profile(metric, identifier, sampler=data.index.solver(identifier))
            style.band(axes, curve, color=row.colours[size])
        axes.axvline(usual, color="k", linewidth=0.8, label="usual threshold")
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel(f"threshold of {label}")
        style.letter(axes, "ab"[column], title)
    figure.axes[0].set_ylabel("share of samples below")
    row.key(figure.add_subplot(grid[0, len(PANELS)]))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _nulls(axes: Axes, data: FigureData, groups: Groups, metric: str) -> None:
    """Draw the negative control, photographs that were not trained on, and the positive one, copies with noise."""
    small, large = (shown(groups[size])[0].subset for size in (min(groups), max(groups)))
    for subset, which, dashes in ((small, "smallest", "identity"), (large, "largest", "identity_large")):
        curve = data.profile(metric, f"{subset}/heldout", sampler="photographs")
        style.null(axes, curve, f"photographs, {which} $N$", dashes)
    copies = data.profile(metric, f"{large}/copies", sampler="photographs")
    style.null(axes, copies, f"copies with {100 * metrics.COPY_NOISE[0]:.0f} % noise", "empirical")
