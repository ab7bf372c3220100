"""Networks of disjoint halves, started from the same latents: generalising, memorising, stopped early, small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hidden_gaussian import statistics
from hidden_gaussian.cells import Cell
from hidden_gaussian.figures import curves, strips, style
from hidden_gaussian.figures.catalogue import HALVES
from hidden_gaussian.figures.curves import Curve
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.neighbours import Copying, nearest_images

LATENTS = 6
PARTS = ("inner", "norm_a", "norm_b")
NAMES = {
    "halves_large": "large sets",
    "halves_small": "small sets",
    "halves_stopped": "stopped early",
    "halves_small_scale": "small networks",
}
LABELS = ("nearest in a", "network a", "network b", "nearest in b", "Gaussian a", "Gaussian b")


def draw(data: FigureData) -> Figure:
    """Return the figure: samples of both halves case by case, and how well they agree."""
    cases = {name: sorted(cells) for name in HALVES if (cells := data.plan.cells(name))}
    rows = (len(cases) + 1) // 2
    figure = style.new(2.45 * rows + 2.1)
    grid = figure.add_gridspec(rows + 1, 2, height_ratios=[*[2.45] * rows, 1.7])
    for place, (name, cells) in enumerate(cases.items()):
        axes = figure.add_subplot(grid[place // 2, place % 2])
        _case(axes, data, cells)
        style.letter(axes, "abcd"[place], f"{NAMES[name]}, $N$ = {cells[0].subset_size:,}")
    axes = figure.add_subplot(grid[rows, :])
    _agreement(axes, data, cases)
    style.letter(axes, "abcde"[len(cases)], "agreement of samples of the same latent")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _pair(cells: list[Cell]) -> tuple[Cell, Cell]:
    """Return the first cell of each half."""
    first, second = (next(cell for cell in cells if cell.half == half) for half in "ab")
    return first, second


def _case(axes: Axes, data: FigureData, cells: list[Cell]) -> None:
    first, second = _pair(cells)
    a, b = (np.asarray(data.samples(cell.id, data.sampler(cell.id))[:LATENTS]) for cell in (first, second))
    gaussians = [data.samples(f"{cell.subset}/gaussian", "exact")[:LATENTS] for cell in (first, second)]
    nearest = [nearest_images(data, cell.id, len(a)) for cell in (first, second)]
    strips.grid(axes, np.stack([nearest[0], a, b, nearest[1], *gaussians]), rows=LABELS)
    scores = " | ".join(Copying.of(data, cell.id).text for cell in (first, second))
    axes.set_xlabel(rf"$f_{{\mathrm{{mem}}}}$, GL:  {scores}", fontsize=7)


def correlation(shards: list[pd.DataFrame]) -> Curve:
    """Return r_c, the correlation of samples of the same latents less the mean image, pooled over pixels and latents.

    Parameters
    ----------
    shards : list of DataFrame
        Agreement rows of one kind of pair, of several trainings.
    """
    tables = [
        shard.pivot_table(index="image", columns="quantity", values="value", observed=True)[list(PARTS)]
        for shard in shards
    ]
    total = pd.concat(tables).groupby(level=0).sum()
    inner, first, second = (statistics.pool(total[[part]].to_numpy().T, "latents") for part in PARTS)
    return curves.curve(np.zeros(1), inner / np.sqrt(first * second))


def pairs(data: FigureData, cells: list[Cell]) -> Iterator[tuple[str, list[pd.DataFrame]]]:
    """Yield each kind of pair with its agreement rows: between halves, to the own Gaussian, of other latents."""
    sampler = data.plan.dataset.sampling.sampler
    first, second = _pair(cells)
    runs = [cell for cell in cells if cell.half == "a"]
    shards = {cell: data.shard(cell.id, "agreement", data.sampler(cell.id)) for cell in runs}

    def against(reference: str) -> list[pd.DataFrame]:
        return [shard[shard["reference_id"] == _swap(cell.id, reference)] for cell, shard in shards.items()]

    yield "network a to b", against(second.subset)
    yield "network to own Gaussian", [s[s["reference_id"] == f"{first.subset}/gaussian"] for s in shards.values()]
    for kind, solver in (("gaussian", "exact"), ("empirical", sampler)):
        shard = data.shard(f"{first.subset}/{kind}", "agreement", solver)
        name = "Gaussian a to b" if kind == "gaussian" else "empirical a to b"
        yield name, [shard[shard["reference_id"] == f"{second.subset}/{kind}"]]
    yield "other latents", [shard[shard["parameter"] == "shift"] for shard in shards.values()]


def _swap(identifier: str, subset: str) -> str:
    return f"{subset}/{identifier.split('/', 1)[1]}"


def _agreement(axes: Axes, data: FigureData, cases: dict[str, list[Cell]]) -> None:
    looks: dict[str, dict[str, Any]] = {
        "network a to b": {"color": style.NETWORK, "marker": "o"},
        "network to own Gaussian": {"color": style.GAUSSIAN, "marker": "s"},
        "Gaussian a to b": {"color": style.GREY, "marker": "D"},
        "empirical a to b": {"color": style.GREY, "marker": "^"},
        "other latents": {"color": style.GREY, "marker": "x"},
    }
    for place, cells in enumerate(cases.values()):
        for shift, (kind, shards) in enumerate(pairs(data, cells)):
            shards = [shard for shard in shards if len(shard)]
            if not shards:
                continue
            curve = correlation(shards)
            axes.errorbar(
                [place + 0.13 * (shift - 2)],
                curve.value,
                [curve.value - curve.low, curve.high - curve.value],
                linestyle="",
                elinewidth=1,
                label=kind if place == 0 else None,
                **looks[kind],
            )
    axes.set_xticks(
        range(len(cases)), [f"{NAMES[name]}, $N$ = {cells[0].subset_size:,}" for name, cells in cases.items()]
    )
    axes.set_xlim(-0.5, len(cases) - 0.5)
    style.level(axes, 0, None)
    axes.set_ylabel(r"$r_c$")
