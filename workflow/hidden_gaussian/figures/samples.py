"""Samples of the same latents from every denoiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.plotting import Entry, FigureData, image_grid, nearest_images, needs, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Images = NDArray[np.float32]
COUNT = 10


def correlation(first: Images, second: Images, centre: Images) -> float:
    """Return r_c of samples of shared latents: a common mean image is subtracted, then all pixels are pooled."""
    a, b = ((images - centre).astype(np.float64).ravel() for images in (first, second))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def _needs(index: ResultsIndex) -> list[str]:
    main, solver = index.main, index.solver(index.main.id)
    files = needs.every_denoiser(index, "samples_{}.npy", solver, index.sampler, "exact")
    files += [f"{main.id}/samples_euler10.npy", f"{main.id}/memorisation_{solver}.parquet"]
    return [*files, *index.training_images([main])]


ENTRY = Entry("Samples of shared noise", "Fig. 3", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: a row for each denoiser, a column for each latent, r_c to the network at the right."""
    main, sampler = data.index.main, data.index.sampler
    solver = data.index.solver(main.id)
    network, euler = data.samples(main.id, solver), data.samples(main.id, "euler10")
    rows: dict[str, tuple[Images, Images | None]] = {f"network ({_written(solver)})": (network, None)}
    if solver != "euler10":
        rows["network (Euler 10)"] = euler, network
    rows |= {
        "linear (Euler 10)": (data.samples(f"{main.id}/linear", "euler10"), euler),
        "Gaussian (exact)": (data.samples(f"{main.subset}/gaussian", "exact"), network),
        f"empirical ({_written(sampler)})": (data.samples(f"{main.subset}/empirical", sampler), network),
    }
    count = min(COUNT, *(len(images) for images, _ in rows.values()))
    nearest = nearest_images(data, main.id, count)
    centre = image_grid.pixels(data.training_images(main.subset)).mean(axis=0)
    images = [np.asarray(shown[:count]) for shown, _ in rows.values()]
    figure = style.new(2.9, images=True)
    axes = figure.add_subplot()
    image_grid.grid(axes, np.stack([nearest, *images]), rows=["nearest training image", *rows])
    height = axes.get_yticks()
    scores = [None if other is None else correlation(shown, other, centre) for shown, other in rows.values()]
    right = axes.get_xlim()[1]
    axes.annotate(
        r"$r_c$", (right, -0.5), xytext=(14, 3), textcoords="offset points", ha="center", va="bottom", fontsize=7.5
    )
    for place, score in zip(height[1:], scores, strict=True):
        if score is not None:
            text = f"{score:.2f}"
            axes.annotate(text, (right, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=7)
    return figure


def _written(solver: str) -> str:
    return solver.replace("heun", "Heun ").replace("euler", "Euler ")
