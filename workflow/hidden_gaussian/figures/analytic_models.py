"""How far the network is from denoisers that are known in closed form: which of them explains it, and where."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, product
from typing import TYPE_CHECKING

from hidden_gaussian.cells import Cell, DenoiserId
from hidden_gaussian.plotting import Copying, Entry, FigureData, needs, style
from hidden_gaussian.reference_names import family, possible
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


ENTRY = Entry(
    "Analytic denoisers as models of the network",
    "",
    ("size",),
    needs.both_ends("empirical", "identity", "mean", also=ResultsIndex.distances),
    requires="measured_references",
    metrics=("nrmse",),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: the smallest subset (a) and the largest (b), a curve for each analytic denoiser."""
    figure = style.new(3.0)
    panels = figure.subplots(1, 2, sharey=True)
    handles: dict[str, Artist] = {}
    for name, axes, cell in zip("ab", panels, (data.index.smallest, data.index.main), strict=True):
        _panel(axes, data, cell)
        scores = Copying.of(data, cell.id)
        style.letter(axes, name, rf"$N$ = {cell.subset_size:,} ($f_{{\mathrm{{mem}}}}$, GL: {scores.text})")
        style.sigma_axis(axes, data.window)
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    panels[0].set_ylim(0, min(panels[0].get_ylim()[1], 1.5))
    panels[0].set_ylabel("network to model, nRMSE")
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=3)
    return figure


def label(kind: str) -> str:
    """Return the name of a configurable reference denoiser as printed: mixture-8 is ``mixture, 8 components``."""
    name, size = family(kind)
    if name == "mixture":
        return f"mixture, {size} components"
    return f"patch, {size} x {size}" if name == "patch" else {"gaussian-shrunk": "shrunk Gaussian"}.get(kind, kind)


def looks(listed: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the colour and the dashes of every denoiser: where colours repeat, the dashes differ."""
    found = {"gaussian": {"color": style.GAUSSIAN}, "empirical": {"color": style.EMPIRICAL}}
    others = [colour for colour in style.CATEGORIES if colour not in (style.GAUSSIAN, style.EMPIRICAL)]
    pairs = product(("-", "--", ":", "-."), others)
    return found | {kind: {"color": colour, "ls": dashes} for kind, (dashes, colour) in zip(listed, cycle(pairs))}


def _panel(axes: Axes, data: FigureData, cell: Cell) -> None:
    for kind, name in (("empirical", "empirical"), ("identity", "identity"), ("mean", "mean image")):
        curve = data.curve("nrmse", f"{cell.subset}/{kind}", relation="gaussian")
        style.null(axes, curve, f"{name} to Gaussian", kind)
    references = data.index.measured_references
    looks_of = looks(references)
    fitted = [DenoiserId.parse(name).name for name in possible(references, cell.subset)]
    for kind in ("gaussian", "empirical", *fitted):
        name = {"gaussian": "Gaussian"}.get(kind, label(kind))
        curve = data.curve("nrmse", cell.id, relation=kind)
        style.band(axes, curve, name, **looks_of[kind], marker="o", markersize=2.5)
