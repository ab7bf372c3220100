"""What networks of different scale make of the same noisy inputs, beside the Gaussian of their training images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import (
    KINDS,
    LEVELS,
    SCALE,
    Entry,
    FigureData,
    Measured,
    clean,
    copying,
    denoised,
    ids,
    image_grid,
    references,
    shown,
    spaced,
    style,
    subsets,
)
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _needs(index: ResultsIndex) -> list[str]:
    cells = index.cells("scale")
    measured = index.measures(cells, "empirical", "mean")
    return [*measured, *index.memorisation(shown(cells)), *index.outputs(shown(cells), "gaussian", "empirical")]


ENTRY = Entry("Outputs by scale", "rebuttal R2", ("scale",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: scales between Gaussian and empirical denoiser, on an image and on noise; distances below."""
    measured, groups = Measured(data), SCALE.groups(data.index)
    few = spaced(groups, 4)
    subset = shown(next(iter(groups.values())))[0].subset
    names = {"Gaussian": f"{subset}/gaussian"}
    names |= {f"scale {place}": shown(cells)[0].id for place, cells in few.items()}
    names["empirical"] = f"{subset}/empirical"
    height = 0.42 * len(names) + 0.3
    figure = style.new(2 * height + 2.2)
    *panels, bottom = figure.subplots(3, 1, gridspec_kw={"height_ratios": [height, height, 1.9]})
    for letter, axes, (kind, of) in zip("ab", panels, KINDS.items(), strict=True):
        before = clean(data, names["Gaussian"], kind)[0]
        images = np.stack([[before, *denoised(data, name, kind)[:, 0]] for name in names.values()])
        image_grid.grid(axes, images, rows=list(names), columns=["$x$", *(style.level_text(sigma) for sigma in LEVELS)])
        style.letter(axes, letter, f"outputs on {of}")
    axes.set_xlabel(r"clean input $x$; noise level $\sigma$")
    colours = style.colours(groups)
    halves, _ = subsets(groups)
    style.null(bottom, measured.nrmse(references(halves, "empirical")), "empirical", "empirical")
    style.null(bottom, measured.nrmse(references(halves, "mean")), "mean image", "mean")
    for place, cells in groups.items():
        label = rf"{place}: {copying(data, cells).text}"
        style.band(bottom, measured.nrmse(ids(cells)), label, color=colours[place], marker="o", markersize=2.5)
    style.sigma_axis(bottom, measured.window())
    bottom.set_ylabel("nRMSE to the own Gaussian")
    style.letter(bottom, "c", "distance on noised images")
    bottom.legend(title=r"channels: $f_{\mathrm{mem}}$, GL", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
