"""When samples stop being copies: the GL score and the memorised fraction over the number of training images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hidden_gaussian.plotting import SIZE, Curve, Entry, FigureData, Groups, ids, joined, references, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER_THRESHOLD = 0.6


def _needs(index: ResultsIndex) -> list[str]:
    cells = index.cells("size")
    subsets = dict.fromkeys(cell.subset for cell in cells)
    return [*index.memorisation(cells), *(f"{subset}/gaussian/memorisation_exact.parquet" for subset in subsets)]


ENTRY = Entry("Generalisation score", "Fig. 13a", ("size",), _needs, metrics=("gl_score", "memorised_fraction"))


def draw(data: FigureData) -> Figure:
    """Return the figure: GL (a) and memorised fraction (b), with Gaussian samples, photographs and noisy copies."""
    groups = SIZE.groups(data.index)
    figure = style.new(2.8)
    left, right = figure.subplots(1, 2)
    for axes, metric in ((left, "gl_score"), (right, "memorised_fraction")):
        style.parameter_axis(axes, list(groups), "training images $N$")
        _nulls(axes, data, groups, metric)
        networks = [data.curve(metric, ids(cells), sampler=data.index.solver(cells[0].id)) for cells in groups.values()]
        curve = joined(groups, networks)
        style.band(axes, curve, "network", color=style.NETWORK, marker="o")
        axes.set_ylim(bottom=-0.03)
    style.level(left, PAPER_THRESHOLD, "the paper's threshold", "solid").set_color("k")
    left.set_ylabel("GL score")
    style.letter(left, "a", "distance to the nearest image")
    right.set_ylabel(r"memorised fraction $f_{\mathrm{mem}}$")
    style.letter(right, "b", "copies among the samples")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _nulls(axes: Axes, data: FigureData, groups: Groups, metric: str) -> None:
    """Draw Gaussian samples, photographs and noisy copies, against the subsets that the networks were trained on."""
    subsets = {size: list(dict.fromkeys(cell.subset for cell in cells)) for size, cells in groups.items()}

    def by_size(kind: str, **where: str | float) -> Curve:
        curves = {size: data.curve(metric, references(chosen, kind), **where) for size, chosen in subsets.items()}
        return joined(curves, curves.values())

    style.null(axes, by_size("gaussian", sampler="exact"), "Gaussian samples", "gaussian")
    if not data.index.photographs:
        return
    photographs = by_size("heldout", sampler="photographs")
    style.null(axes, photographs, f"{data.index.unseen_name} photographs", "identity")
    levels = data.places(metric, f"{next(iter(subsets.values()))[0]}/copies", sampler="photographs")
    for level, dashes in zip((levels[0], levels[-1]), ("empirical", "empirical_large"), strict=True):
        copies = by_size("copies", sampler="photographs", at=level)
        style.null(axes, copies, f"copies with {100 * level:.0f} % noise", dashes)
