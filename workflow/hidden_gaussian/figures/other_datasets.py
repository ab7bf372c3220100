"""Samples and outputs of one dataset from every denoiser, with the agreement at every noise level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.plotting import (
    LEVELS,
    Curve,
    Entry,
    FigureData,
    correlation,
    image_grid,
    joined,
    scored,
    seen,
    style,
)
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNT = 10
LOOKS = {"Gaussian": style.GAUSSIAN, "linear": style.LINEAR, "empirical": style.EMPIRICAL}


def _needs(index: ResultsIndex) -> list[str]:
    main = index.main
    files = [*index.samples([main]), f"{main.subset}/empirical/samples_{index.sampler}.npy"]
    files += [f"{main.id}/linear/samples_euler10.npy", f"{main.id}/linear/trajectories_euler10.npy"]
    files += index.trajectories([main], "gaussian", "empirical")
    return [*files, *index.memorisation([main]), *index.training_images([main])]


ENTRY = Entry("Samples and outputs of every denoiser", "Fig. 25", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: samples (a), outputs from one latent (b), and r_c of the outputs with the network's (c)."""
    main, sampler = data.index.main, data.index.sampler
    samples = {
        "network": data.samples(main.id, data.index.solver(main.id)),
        "Gaussian": data.samples(f"{main.subset}/gaussian", "exact"),
        "linear": data.samples(f"{main.id}/linear", "euler10"),
        "empirical": data.samples(f"{main.subset}/empirical", sampler),
    }
    ways = {
        "network": seen(data, main.id),
        "Gaussian": seen(data, f"{main.subset}/gaussian"),
        "linear": seen(data, f"{main.id}/linear"),
        "empirical": seen(data, f"{main.subset}/empirical"),
    }
    figure = style.new(5.6)
    top, middle, bottom = figure.subplots(3, 1, gridspec_kw={"height_ratios": [2, 2, 1.5]})
    image_grid.grid(top, np.stack([np.asarray(shown[:COUNT]) for shown in samples.values()]), rows=list(samples))
    steps = [style.level_text(sigma) for sigma in LEVELS]
    image_grid.grid(middle, np.stack([way[0] for way in ways.values()]), rows=list(ways), columns=steps)
    middle.set_xlabel(r"noise level $\sigma$ of the step")
    style.letter(top, "a", f"samples of the same latents, {scored(data, main)}")
    style.letter(middle, "b", "outputs along the sampler from one latent")
    _agreement(bottom, ways, image_grid.pixels(data.training_images(main.subset)).mean(axis=0))
    style.letter(bottom, "c", f"agreement of outputs with the network's, {len(ways['network'])} latents")
    return figure


def over_levels(first: NDArray[np.float64], second: NDArray[np.float64], centre: NDArray[np.float32]) -> Curve:
    """Return r_c of outputs from the same latents, a place a step, with intervals over latents."""

    import pandas as pd

    a, b = (way.reshape(*way.shape[:2], -1) - centre.ravel() for way in (first, second))
    sums = {"inner": (a * b).sum(2), "norm_a": (a * a).sum(2), "norm_b": (b * b).sum(2)}
    curves = []
    for step in range(a.shape[1]):
        columns = [pd.DataFrame({"image": range(len(a)), "quantity": q, "value": v[:, step]}) for q, v in sums.items()]
        curves.append(correlation([pd.concat(columns)]))
    return joined(LEVELS, curves)


def _agreement(axes: Axes, ways: dict[str, NDArray[np.float64]], centre: NDArray[np.float32]) -> None:
    network = ways["network"]
    for name, colour in LOOKS.items():
        style.band(axes, over_levels(network, ways[name], centre), name, color=colour, marker="o")
    style.null(axes, over_levels(network, np.roll(network, -1, axis=0), centre), "other latents", "identity")
    style.sigma_axis(axes)
    axes.set_ylabel("$r_c$")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
