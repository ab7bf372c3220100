"""The same networks on random images with the data's mean and covariance: what is the network's, what the data's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import Copying, Curve, Entry, FigureData, image_grid, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNT = 8  # images a row and kind
DASHES = ("-", "--", ":")


def _needs(index: ResultsIndex) -> list[str]:
    beside = [f"../{other.name}/{path}" for other in index.surrogates for path in _main_files(other)]
    return [*index.measures([index.main], "empirical"), *_main_files(index), *beside]


def _main_files(index: ResultsIndex) -> list[str]:
    main = index.main
    files = [f"{main.id}/measures.parquet", f"{main.subset}/gaussian/measures.parquet", *index.memorisation([main])]
    return [*files, f"{main.id}/samples_{index.solver(main.id)}.npy", *index.training_images([main])]


METRICS = ("nrmse", "affinity", "loss_ratio")

ENTRY = Entry(
    "The same on random images of equal covariance",
    "",
    ("size",),
    _needs,
    requires="surrogates",
    metrics=METRICS,
)


def draw(data: FigureData) -> Figure:
    """Return the figure: distance to the Gaussian, affinity and loss on unseen images (a-c), images and samples (d)."""
    parts = {index.name: data.surrogate(index) for index in data.index.surrogates}
    figure = style.new(4.6)
    grid = figure.add_gridspec(2, 3, height_ratios=[1, 0.28 * (1 + len(parts))])
    top = [figure.add_subplot(grid[0, column]) for column in range(3)]
    for index, (name, part) in enumerate({data.index.name: data, **parts}.items()):
        _curves(top, name, part, style.CATEGORIES[index], DASHES[index % len(DASHES)])
    _nulls(top, data)
    titles = ("distance to the Gaussian", "deviation from affinity", f"{data.index.unseen_name} loss")
    labels = (r"nRMSE to own $D_{\mathrm{G}}$", "squared gap / spread", r"loss / that of own $D_{\mathrm{G}}$")
    for axes, letter, title, label in zip(top, "abc", titles, labels, strict=True):
        style.sigma_axis(axes, data.window, label=False)
        axes.set_xlabel(r"noise level $\sigma$")
        style.letter(axes, letter, title)
        axes.set_ylabel(label)
    figure.legend(*top[0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
    _strips(figure.add_subplot(grid[1, :]), data, parts)
    return figure


def _curves(top: list[Axes], name: str, part: FigureData, colour: str, dashes: str) -> None:
    main = part.index.main
    looks = {"color": colour, "linestyle": dashes}
    label = f"{name}, $N$ = {main.subset_size:,} ({Copying.of(part, main.id).text})"
    for axes, metric, name_of in zip(top, METRICS, (label, None, None), strict=True):
        style.band(axes, _curve(part, metric, main.id), name_of, **looks)


def _curve(data: FigureData, metric: str, identifier: str) -> Curve:
    return data.curve(metric, identifier, **({} if metric == "affinity" else {"relation": "gaussian"}))


def _nulls(top: list[Axes], data: FigureData) -> None:
    """Draw the empirical denoiser of the data's own images; the Gaussian itself is 0, 0 and 1."""
    empirical = f"{data.index.main.subset}/empirical"
    curves = [_curve(data, metric, empirical) for metric in METRICS]
    for axes, curve, gaussian in zip(top, curves, (0.0, 0.0, 1.0), strict=True):
        label = f"empirical, {data.index.name}" if axes is top[0] else None
        style.null(axes, curve, label, "empirical")
        style.level(axes, gaussian, "the Gaussian" if axes is top[0] else None, "gaussian")
    top[2].set(yscale="log", ylim=(0.1, 10))
    style.log_ticks(top[2].yaxis)


def _strips(axes: Axes, data: FigureData, parts: dict[str, FigureData]) -> None:
    rows = {}
    for name, part in {data.index.name: data, **parts}.items():
        main = part.index.main
        images = image_grid.pixels(part.training_images(main.subset)[:COUNT])
        samples = np.asarray(part.samples(main.id, part.index.solver(main.id))[:COUNT])
        rows[name] = np.concatenate([images, samples])
    image_grid.grid(axes, np.stack(list(rows.values())), rows=list(rows), blocks=["training images", "samples"])
    style.letter(axes, "d", "what the networks were trained on, and what they draw", pad=14)
