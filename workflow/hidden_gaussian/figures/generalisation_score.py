"""When samples stop being copies: the GL score and the memorised fraction over the number of training images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import (
    SIZE,
    Curve,
    Entry,
    FigureData,
    Groups,
    curves,
    joined,
    memorisation,
    references,
    style,
    wide,
)
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.statistics import bootstrap

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER_THRESHOLD = 0.6
Score = Callable[[Sequence["pd.DataFrame"]], Curve]


def _needs(index: ResultsIndex) -> list[str]:
    cells = index.cells("size")
    subsets = dict.fromkeys(cell.subset for cell in cells)
    return [*index.memorisation(cells), *(f"{subset}/gaussian/memorisation_exact.parquet" for subset in subsets)]


ENTRY = Entry("Generalisation score", "Fig. 13a", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: GL (a) and memorised fraction (b), with Gaussian samples, photographs and noisy copies."""
    groups = SIZE.groups(data.index)
    figure = style.new(2.8)
    left, right = figure.subplots(1, 2)
    for axes, score in ((left, gl_score), (right, memorised)):
        style.parameter_axis(axes, list(groups), "training images $N$")
        _nulls(axes, data, groups, score)
        networks = [_samples(data, cells) for cells in groups.values()]
        curve = joined(groups, [score(samples) for samples in networks])
        style.band(axes, curve, "network", color=style.NETWORK, marker="o")
        axes.set_ylim(bottom=-0.03)
    style.level(left, PAPER_THRESHOLD, "the paper's threshold", "solid").set_color("k")
    left.set_ylabel("GL score")
    style.letter(left, "a", "distance to the nearest image")
    right.set_ylabel(r"memorised fraction $f_{\mathrm{mem}}$")
    style.letter(right, "b", "copies among the samples")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def gl_score(sets: Sequence[pd.DataFrame]) -> Curve:
    """Return the mean of sqrt(nearest / norm) (Li et al. eq. 14), of each latent over the sets before resampling."""

    import pandas as pd

    relative = pd.concat([(samples["nearest"] / samples["norm"]).pow(0.5) for samples in sets], axis=1)
    return curves.mean(relative.mean(axis=1).to_frame(0.0), stream="latents")


def memorised(sets: Sequence[pd.DataFrame]) -> Curve:
    """Return the mean share of copies among the sets; each latent is one trial, however many sets there are."""
    share = float(np.mean([memorisation.memorised(samples).value[0] for samples in sets]))
    latents = min(len(samples) for samples in sets)
    low, high = bootstrap.clopper_pearson(share * latents, latents)
    return Curve(*(np.array([number]) for number in (0.0, share, low, high)))


def _samples(data: FigureData, cells: list[Cell]) -> list[pd.DataFrame]:
    """Return the sample sets of halves and replicates, which share their latents."""
    return [wide(data.shard(cell.id, "memorisation", data.index.solver(cell.id))) for cell in cells]


def _nulls(axes: Axes, data: FigureData, groups: Groups, score: Score) -> None:
    """Draw Gaussian samples, photographs and noisy copies, against the subsets that the networks were trained on."""
    subsets = {size: list(dict.fromkeys(cell.subset for cell in cells)) for size, cells in groups.items()}
    exact = {
        size: score([wide(data.shard(name, "memorisation", "exact")) for name in references(chosen, "gaussian")])
        for size, chosen in subsets.items()
    }
    style.null(axes, joined(exact, exact.values()), "Gaussian samples", "gaussian")
    if not data.index.photographs:
        return
    nulls = [
        [data.shard(name, "memorisation", "photographs") for name in references(chosen, "nulls")]
        for chosen in subsets.values()
    ]
    photographs = [score([wide(shard[shard["parameter"].isna()]) for shard in shards]) for shards in nulls]
    style.null(axes, joined(subsets, photographs), f"{data.index.unseen_name} photographs", "identity")
    levels = sorted(nulls[0][0]["at"].dropna().unique())
    for level, dashes in zip((levels[0], levels[-1]), ("empirical", "empirical_large"), strict=True):
        copies = [score([wide(shard[shard["at"] == level]) for shard in shards]) for shards in nulls]
        style.null(axes, joined(subsets, copies), f"copies with {100 * level:.0f} % noise", dashes)
