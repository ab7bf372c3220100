"""What networks of different scale see along the sampler, beside the Gaussian of their training images."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from hidden_gaussian.figures import strips, style
from hidden_gaussian.figures.curves import Measured
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.entry import shown
from hidden_gaussian.figures.varied import SCALE, copying, ids, spaced
from hidden_gaussian.figures.ways import LEVELS, seen

LATENT = 0


def draw(data: FigureData) -> Figure:
    """Return the figure: rows of scales between Gaussian and empirical denoiser, columns of levels; distances below."""
    measured, groups = Measured(data), SCALE.groups(data.plan)
    few = spaced(groups, 8)
    subset = shown(next(iter(groups.values())))[0].subset
    names = {"Gaussian": f"{subset}/gaussian"}
    names |= {f"scale {place}": shown(cells)[0].id for place, cells in few.items()}
    names["empirical"] = f"{subset}/empirical"
    height = 0.42 * len(names) + 0.3
    figure = style.new(height + 2.1)
    top, bottom = figure.subplots(2, 1, gridspec_kw={"height_ratios": [height, 1.9]})
    images = np.stack([seen(data, name, 1)[LATENT] for name in names.values()])
    strips.grid(top, images, rows=list(names), columns=[style.level_text(sigma) for sigma in LEVELS])
    top.set_xlabel(r"noise level $\sigma$ of the step")
    style.letter(top, "a", "outputs from one latent")
    colours = style.colours(groups)
    style.null(bottom, measured.nrmse(f"{subset}/empirical"), "empirical", "empirical")
    style.null(bottom, measured.nrmse(f"{subset}/mean"), "mean image", "mean")
    for place, cells in groups.items():
        label = rf"{place}: {copying(data, cells).text}"
        style.band(bottom, measured.nrmse(ids(cells)), label, color=colours[place], marker="o", markersize=2.5)
    style.sigma_axis(bottom, measured.window())
    bottom.set_ylabel("nRMSE to the own Gaussian")
    style.letter(bottom, "b", "distance on noised images")
    bottom.legend(title=r"channels: $f_{\mathrm{mem}}$, GL", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
