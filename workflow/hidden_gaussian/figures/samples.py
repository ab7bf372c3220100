"""Samples of the same latents from every denoiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import NOTHING, Curve, Entry, FigureData, image_grid, nearest_images, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNT = 10


def _needs(index: ResultsIndex) -> list[str]:
    main, solver = index.main, index.solver(index.main.id)
    files = [*index.compared_samples.values(), f"{main.subset}/gaussian/samples_exact.npy"]
    files += [f"{main.id}/{kind}_{solver}.parquet" for kind in ("memorisation", "agreement")]
    return [*files, f"{index.largest}/spectrum.safetensors", *index.training_images([main])]


ENTRY = Entry("Samples of shared noise", "Fig. 3", ("size",), _needs, metrics=("r_c",))


def draw(data: FigureData) -> Figure:
    """Return the figure: a row for each denoiser, a column for each latent, r_c to the network at the right."""
    main, sampler = data.index.main, data.index.sampler
    solver = data.index.solver(main.id)
    linear, empirical = f"{main.id}/linear", f"{main.subset}/empirical"
    same = solver == sampler
    rows: dict[str, tuple[str, str, Curve]] = {f"network ({_written(solver)})": (main.id, solver, NOTHING)}
    if solver != "euler10":
        rows["network (Euler 10)"] = main.id, "euler10", _alike(data, main.id, "euler10", solver)
    rows |= {
        "linear (Euler 10)": (linear, "euler10", _alike(data, linear, "euler10", "own network")),
        "Gaussian (exact)": (f"{main.subset}/gaussian", "exact", _alike(data, main.id, solver, "gaussian/exact")),
        f"empirical ({_written(sampler)})": (
            empirical,
            sampler,
            _alike(data, main.id, solver, "empirical" if same else f"empirical/{sampler}"),
        ),
    }
    samples = [data.samples(name, drawn) for name, drawn, _ in rows.values()]
    count = min(COUNT, *map(len, samples))
    nearest = nearest_images(data, main.id, count)
    images = [np.asarray(of[:count]) for of in samples]
    figure = style.new(2.9, images=True)
    axes = figure.add_subplot()
    image_grid.grid(axes, np.stack([nearest, *images]), rows=["nearest training image", *rows])
    height = axes.get_yticks()
    right = axes.get_xlim()[1]
    axes.annotate(
        r"$r_c$", (right, -0.5), xytext=(14, 3), textcoords="offset points", ha="center", va="bottom", fontsize=7.5
    )
    for place, (_, _, alike) in zip(height[1:], rows.values(), strict=True):
        if len(alike):
            text = f"{alike.value[0]:.2f}"
            axes.annotate(text, (right, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=7)
    return figure


def _alike(data: FigureData, identifier: str, sampler: str, relation: str) -> Curve:
    return data.curve("r_c", identifier, sampler=sampler, relation=relation)


def _written(solver: str) -> str:
    return solver.replace("heun", "Heun ").replace("euler", "Euler ")
