"""Samples and outputs of one dataset from every denoiser, with the agreement at every noise level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import LEVELS, Curve, Entry, FigureData, image_grid, outputs_of, scored, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNT = 10
LOOKS = {"Gaussian": style.GAUSSIAN, "linear": style.LINEAR, "empirical": style.EMPIRICAL}


def _needs(index: ResultsIndex) -> list[str]:
    main = index.main
    files = [*index.samples([main]), f"{main.subset}/empirical/samples_{index.sampler}.npy"]
    files += [f"{main.id}/linear/samples_euler10.npy", *index.compared_trajectories]
    return [*files, *index.memorisation([main]), f"{index.largest}/spectrum.safetensors"]


ENTRY = Entry("Samples and outputs of every denoiser", "Fig. 25", ("size",), _needs, metrics=("r_c",))


def draw(data: FigureData) -> Figure:
    """Return the figure: samples (a), outputs from one latent (b), and r_c of the outputs with the network's (c)."""
    main, sampler = data.index.main, data.index.sampler
    samples = {
        "network": data.samples(main.id, data.index.solver(main.id)),
        "Gaussian": data.samples(f"{main.subset}/gaussian", "exact"),
        "linear": data.samples(f"{main.id}/linear", "euler10"),
        "empirical": data.samples(f"{main.subset}/empirical", sampler),
    }
    outputs = {
        "network": outputs_of(data, main.id),
        "Gaussian": outputs_of(data, f"{main.subset}/gaussian"),
        "linear": outputs_of(data, f"{main.id}/linear"),
        "empirical": outputs_of(data, f"{main.subset}/empirical"),
    }
    figure = style.new(5.6)
    top, middle, bottom = figure.subplots(3, 1, gridspec_kw={"height_ratios": [2, 2, 1.5]})
    image_grid.grid(top, np.stack([np.asarray(shown[:COUNT]) for shown in samples.values()]), rows=list(samples))
    steps = [style.level_text(sigma) for sigma in LEVELS]
    image_grid.grid(middle, np.stack([of[0] for of in outputs.values()]), rows=list(outputs), columns=steps)
    middle.set_xlabel(r"noise level $\sigma$ of the step")
    style.letter(top, "a", f"samples of the same latents, {scored(data, main)}")
    style.letter(middle, "b", "outputs along the sampler from one latent")
    _agreement(bottom, data)
    style.letter(bottom, "c", f"agreement of outputs with the network's, {len(outputs['network'])} latents")
    return figure


def _agreement(axes: Axes, data: FigureData) -> None:
    def along(**where: str | None) -> Curve:
        return data.curve("r_c", data.index.main.id, inputs="trajectory", **where)

    for name, colour in LOOKS.items():
        style.band(axes, along(relation=name.lower()), name, color=colour, marker="o")
    style.null(axes, along(parameter="shift"), "other latents", "identity")
    style.sigma_axis(axes)
    axes.set_ylabel("$r_c$")
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1, 0.5),
    )
