"""Closeness to the Gaussian along a swept parameter: the design that three figures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hidden_gaussian.plotting import image_grid, style
from hidden_gaussian.plotting.curves import Curve, joined
from hidden_gaussian.plotting.entry import shown
from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.plotting.memorisation import nearest_images
from hidden_gaussian.plotting.sweep_axis import Groups, SweepAxis, copying, references, spaced, subsets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LATENTS, ROWS = 4, 8


def draw(data: FigureData, axis: SweepAxis) -> Figure:
    """Return the figure of one sweep."""
    groups = axis.groups(data.index)
    colours, _ = style.ramp(groups)
    places = spaced(groups, ROWS)
    figure = style.new(2.7 + 0.42 * len(places))
    grid = figure.add_gridspec(2, 3, width_ratios=[1, 1, 0.7], height_ratios=[2.0, 0.42 * len(places)])
    distance, closeness = (figure.add_subplot(grid[0, column]) for column in (0, 1))
    _distance(distance, data, groups, colours)
    _closeness(closeness, data, groups, colours, axis.label)
    key = figure.add_subplot(grid[0, 2])
    key.set_axis_off()
    title = rf"{axis.label}: $f_{{\mathrm{{mem}}}}$, GL"
    key.legend(*distance.get_legend_handles_labels(), title=title, loc="center", alignment="left")
    axes = figure.add_subplot(grid[1, :])
    _strips(axes, data, places, colours)
    axes.set_title(r"$\bf{c}$  samples of the same latents", pad=15)
    return figure


def _distance(axes: Axes, data: FigureData, groups: Groups, colours: dict[float, Any]) -> None:
    def nrmse(ids: list[str]) -> Curve:
        return data.curve("nrmse", ids, relation="gaussian")

    for place, cells in groups.items():
        label = f"{style.number(place)}: {copying(data, cells).text}"
        style.band(axes, nrmse([cell.id for cell in cells]), label, color=colours[place])
    sizes = {cell.subset_size for cells in groups.values() for cell in cells}
    small, large = subsets(groups)
    which = f", $N$ = {min(sizes):,}" if len(sizes) > 1 else ""
    style.null(axes, nrmse(references(small, "empirical")), f"empirical{which}", "empirical")
    if len(sizes) > 1:
        label = f"empirical, $N$ = {max(sizes):,}"
        style.null(axes, nrmse(references(large, "empirical")), label, "empirical_large")
    style.null(axes, nrmse(references(large, "identity")), "identity", "identity")
    style.null(axes, nrmse(references(large, "mean")), "mean image", "mean")
    axes.set_ylim(0, min(axes.get_ylim()[1], 1.3))
    axes.set_ylabel("nRMSE to the own Gaussian")
    style.sigma_axis(axes, data.window, label=False)
    axes.set_xlabel(r"noise level $\sigma$")
    style.letter(axes, "a", "distance")


def _closeness(axes: Axes, data: FigureData, groups: Groups, colours: dict[float, Any], label: str) -> None:
    curve = joined(groups, [data.in_window("rho", [cell.id for cell in cells]) for cells in groups.values()])
    style.parameter_axis(axes, list(curve.x), label, style.NARROW)
    style.band(axes, curve, color=style.GREY, linewidth=0.8)
    for place, height in zip(groups, curve.value, strict=True):
        axes.plot(place, height, "o", color=colours[place])
    style.level(axes, 1, None, "empirical")
    style.level(axes, 0, None, "gaussian")
    axes.set_ylabel(r"$\rho$ in the window")
    style.letter(axes, "b", "closeness")


def _strips(axes: Axes, data: FigureData, groups: Groups, colours: dict[float, Any]) -> None:
    rows = []
    for cell in (shown(cells)[0] for cells in groups.values()):
        network = np.asarray(data.samples(cell.id, data.index.solver(cell.id))[:LATENTS])
        gaussian = np.asarray(data.samples(f"{cell.subset}/gaussian", "exact")[:LATENTS])
        rows.append(np.concatenate([network, gaussian, nearest_images(data, cell.id, len(network))]))
    blocks = ["network", "Gaussian", "nearest training image"]
    image_grid.grid(axes, np.stack(rows), rows=[style.number(place) for place in groups], blocks=blocks)
    axes.tick_params(axis="y", pad=12)
    for place, height in zip(groups, axes.get_yticks(), strict=True):
        across = axes.get_yaxis_transform()
        axes.plot(-0.012, height, "s", color=colours[place], markersize=5, transform=across, clip_on=False)
