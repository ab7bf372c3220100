"""How many samples count as copies, by the threshold from which on they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.figures.generalisation_score import PAPER_THRESHOLD
from hidden_gaussian.plotting import SIZE, Curve, Entry, FigureData, Groups, Measured, Row, layout, shown, style, wide
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.tables import THRESHOLDS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVEL = 1 - (1 - bootstrap.LEVEL) / len(THRESHOLDS)  # of one threshold, so that all hold together (Bonferroni)
PANELS = (
    ("second", 1 / 3, "nearest / second nearest", r"copies: threshold of $f_{\mathrm{mem}}$"),
    ("norm", PAPER_THRESHOLD, "nearest / length (GL)", "threshold of GL"),
)


def _needs(index: ResultsIndex) -> list[str]:
    return index.memorisation(shown(index.cells("size")))


ENTRY = Entry("Copies by threshold", "rebuttal R1", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: the share of samples with a ratio of distances below a threshold, of both ratios."""
    groups = SIZE.groups(data.index)
    row = Row(data, Measured(data), SIZE, groups)
    figure = style.new(2.7)
    grid = layout(figure, PANELS, [1.0])
    for column, (whole, usual, label, title) in enumerate(PANELS):
        axes = figure.add_subplot(grid[0, column])
        if data.index.photographs:
            _nulls(axes, data, groups, whole)
        for size, cells in groups.items():
            identifier = shown(cells)[0].id
            samples = wide(data.shard(identifier, "memorisation", data.index.solver(identifier)))
            style.band(axes, below(samples, whole), color=row.colours[size])
        axes.axvline(usual, color="k", linewidth=0.8, label="usual threshold")
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel(f"threshold of {label}")
        style.letter(axes, "ab"[column], title)
    figure.axes[0].set_ylabel("share of samples below")
    row.key(figure.add_subplot(grid[0, len(PANELS)]))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def below(samples: pd.DataFrame, whole: str) -> Curve:
    """Return the share of samples whose nearest image is below every threshold.

    Parameters
    ----------
    samples : DataFrame
        One row a sample; distances are squared.
    whole : str
        What the nearest distance is divided by: ``second`` or ``norm``.

    Returns
    -------
    Curve
        Its band, of Clopper and Pearson's intervals, holds for all thresholds together.
    """
    ratio = (samples["nearest"] / samples[whole]).to_numpy(float)
    counts = [int((ratio < threshold**2).sum()) for threshold in THRESHOLDS]
    bounds = [bootstrap.clopper_pearson(count, len(ratio), LEVEL) for count in counts]
    low, high = np.array(bounds).T
    return Curve(np.array(THRESHOLDS), np.array(counts) / len(ratio), low, high)


def _nulls(axes: Axes, data: FigureData, groups: Groups, whole: str) -> None:
    """Draw what surely is no copy, and what surely is one: photographs never trained on, and copies with noise."""
    small, large = (shown(groups[size])[0].subset for size in (min(groups), max(groups)))
    for subset, which, dashes in ((small, "smallest", "identity"), (large, "largest", "identity_large")):
        shard = data.shard(f"{subset}/nulls", "memorisation", "photographs")
        photographs = wide(shard[shard["parameter"].isna()])
        style.null(axes, below(photographs, whole), f"photographs, {which} $N$", dashes)
    levels = sorted(shard["at"].dropna().unique())
    for level, dashes in ((levels[0], "empirical"), (levels[-1], "empirical_large")):
        copies = wide(shard[shard["at"] == level])
        style.null(axes, below(copies, whole), f"copies with {100 * level:.0f} % noise", dashes)
