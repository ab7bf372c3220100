"""Whether samples have the moments of their training images: mean, covariance, spectrum and tails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.plotting import (
    SIZE,
    Array,
    Curve,
    Entry,
    FigureData,
    Measured,
    Row,
    curves,
    joined,
    layout,
    shown,
    style,
)
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.tables import SAMPLE_METRICS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Shards = Mapping[int, "pd.DataFrame"]
FORMULAS = {metric.name: metric for metric in SAMPLE_METRICS}
BY_SIZE = (
    ("mean_ratio", "mean error / null"),
    ("covariance_ratio", "covariance error"),
    ("difference_kurtosis", "edge kurtosis"),
)
ALONG = (
    ("component_variance", "variance / training's", "principal component"),
    ("component_kurtosis", "excess kurtosis", "principal component"),
    ("power_ratio", "power / training's", "cycles per image"),
)
EXPECTED = {"mean_ratio": 1.0, "covariance_ratio": 1.0, "component_variance": 1.0, "power_ratio": 1.0}


def _needs(index: ResultsIndex) -> list[str]:
    cells = shown(index.cells("size"))
    return [*index.moments(cells), *index.memorisation(cells)]


ENTRY = Entry("Moments of samples", "", ("size",), _needs)


def draw(data: FigureData) -> Figure:
    """Return the figure: three statistics over the number of training images, and three along an axis of their own."""
    groups = SIZE.groups(data.index)
    row = Row(data, Measured(data), SIZE, groups)
    cells = {size: shown(of)[0] for size, of in groups.items()}
    networks = {size: data.shard(cell.id, "moments", data.index.solver(cell.id)) for size, cell in cells.items()}
    nulls = _nulls(data, {size: cell.subset for size, cell in cells.items()})
    figure = style.new(4.2)
    grid = layout(figure, BY_SIZE, [1.0, 1.0])
    for column, (name, title) in enumerate(BY_SIZE):
        axes = figure.add_subplot(grid[0, column])
        _by_size(axes, name, networks, nulls, row)
        style.letter(axes, "abc"[column], title)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    for column, (name, title, label) in enumerate(ALONG):
        axes = figure.add_subplot(grid[1, column])
        _along(axes, name, networks, nulls, row)
        axes.set_xlabel(label)
        style.letter(axes, "def"[column], title)
    row.key(figure.add_subplot(grid[:, len(BY_SIZE)]))
    return figure


def _nulls(data: FigureData, subsets: Mapping[int, str]) -> dict[str, tuple[str, Shards]]:
    """Return dashes and shards by size of the Gaussian's samples, and of photographs and copies where there are any."""
    exact = {size: data.shard(f"{subset}/gaussian", "moments", "exact") for size, subset in subsets.items()}
    nulls: dict[str, tuple[str, Shards]] = {"Gaussian samples": ("gaussian", exact)}
    if data.index.photographs:
        real = {size: data.shard(f"{subset}/nulls", "moments", "photographs") for size, subset in subsets.items()}
        for kind, name, dashes in (
            ("heldout", f"{data.index.unseen_name} photographs", "identity"),
            ("copies", "copies of training images", "empirical"),
        ):
            shards = {size: shard[shard["id"] == f"{subsets[size]}/{kind}"] for size, shard in real.items()}
            nulls[name] = dashes, shards
    return nulls


def _by_size(axes: Axes, name: str, networks: Shards, nulls: dict[str, tuple[str, Shards]], row: Row) -> None:
    style.parameter_axis(axes, list(networks), SIZE.label, style.NARROW)
    for label, (dashes, shards) in nulls.items():
        style.null(axes, joined(shards, [score(shard, name) for shard in shards.values()]), label, dashes)
    curve = joined(networks, [score(shard, name) for shard in networks.values()])
    style.band(axes, curve, color=style.GREY, linewidth=0.8)
    for size, height in zip(networks, curve.value, strict=True):
        axes.plot(size, height, "o", color=row.colours[size])
    _expect(axes, name)


def _along(axes: Axes, name: str, networks: Shards, nulls: dict[str, tuple[str, Shards]], row: Row) -> None:
    largest = max(networks)
    for dashes, shards in nulls.values():
        style.null(axes, score(shards[largest], name), None, dashes)
    for size, shard in networks.items():
        style.band(axes, score(shard, name), color=row.colours[size])
    if name == "power_ratio":
        axes.set_xlim(left=0)
    else:
        axes.set_xscale("log")
        style.log_ticks(axes.xaxis)
    _expect(axes, name)


def _expect(axes: Axes, name: str) -> None:
    """Mark what training images have, and give statistics that span decades a logarithmic axis."""
    if name in EXPECTED:
        style.level(axes, EXPECTED[name], None)
        axes.set_yscale("log")
        style.log_ticks(axes.yaxis)
    else:
        style.level(axes, 0, None)


def score(shard: pd.DataFrame, name: str) -> Curve:
    """Return a metric of a sample set along its own axis; of one place if it has none."""
    metric = FORMULAS[name]
    quantities = [str(term.quantity) for term in metric.terms]
    places, pooled = zip(*(_pooled(shard, quantity) for quantity in quantities), strict=True)
    return curves.curve(places[0], metric.formula(*pooled))


def _pooled(shard: pd.DataFrame, quantity: str) -> tuple[Array, Array]:
    """Return the places of a quantity along its axis, and its mean over images with resamples: (places, POOLED)."""
    rows = shard[shard["quantity"] == quantity]
    if (rows["image"] >= 0).all():
        table = rows.assign(at=rows["at"].fillna(0.0)).pivot_table(index="image", columns="at", values="value")
        stream = bootstrap.stream_of(rows["sampler"].iloc[0])
        return table.columns.to_numpy(float), bootstrap.pool(table.to_numpy(float).T, stream)
    values = rows.sort_values("draw")["value"].to_numpy(float)
    return np.zeros(1), np.broadcast_to(values, (1, bootstrap.POOLED))
