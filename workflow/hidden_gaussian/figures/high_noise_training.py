"""Whether the error at high noise is lack of training: how rarely it is drawn, and what more training does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hidden_gaussian.cells import is_levelwise
from hidden_gaussian.noise_schedule import SIGMA_MAX, SIGMA_MIN
from hidden_gaussian.plotting import (
    ARCHITECTURE,
    NRMSE,
    PARAMETERS,
    SCALE,
    TIME,
    Array,
    Curve,
    Entry,
    FigureData,
    Row,
    copying,
    ids,
    joined,
    needs,
    of_architectures,
    of_one_level,
    style,
)
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _needs(index: ResultsIndex) -> list[str]:
    files = needs.own_references("empirical", sweeps=PARAMETERS[1:])(index)
    if any(cell.is_levelwise for cell in index.cells("architecture")):
        files += needs.sweep_panels(sweeps=("architecture",))(of_architectures(index, of_one_level))
    return files


ENTRY = Entry("Training at high noise", "", ("scale",), _needs, also=("time", "architecture"), metrics=("nrmse",))


def draw(data: FigureData) -> Figure:
    """Return the figure: training mass (a), autoencoders (c), error above W by scale (b) and images seen (d)."""
    figure = style.new(4.4)
    grid = figure.add_gridspec(2, 3, width_ratios=[1, 1, 0.5])
    mass, error = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    _mass(mass, data)
    _architectures(error, data)
    handles: dict[str, Artist] = {}
    for row, axis in enumerate((SCALE, TIME)):
        axes, key = figure.add_subplot(grid[row, 1]), figure.add_subplot(grid[row, 2])
        _above(axes, Row(data, axis, axis.groups(data.index)), key)
        style.letter(axes, "bd"[row], "error above the window")
        handles |= dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2)
    return figure


def share_above(sigma: Array | float, p_mean: float, p_std: float) -> Array:
    """Return the probability that training draws a noise level above sigma: ln sigma is normal."""

    from scipy import special

    above: Array = special.ndtr((p_mean - np.log(sigma)) / p_std)
    return above


def _mass(axes: Axes, data: FigureData) -> None:
    p_mean, p_std = (data.index.training_settings[name] for name in ("p_mean", "p_std"))
    sigma = np.geomspace(SIGMA_MIN, SIGMA_MAX, 400)
    density = np.exp(-0.5 * ((np.log(sigma) - p_mean) / p_std) ** 2) / (p_std * np.sqrt(2 * np.pi))
    top = data.window[1]
    axes.plot(sigma, density, color="k", gid="settings")
    axes.fill_between(sigma, density, where=sigma >= top, color=style.GAUSSIAN, alpha=0.7, linewidth=0)
    share = float(share_above(top, p_mean, p_std))
    axes.text(0.98, 0.95, f"above the window:\n{100 * share:.2g} % of training", color=style.GAUSSIAN, ha="right",
              va="top", transform=axes.transAxes, fontsize=7)  # fmt: skip
    style.sigma_axis(axes, data.window)
    axes.set_ylim(0, 1.45 * density.max())
    axes.set_ylabel(r"training mass per $\ln \sigma$")
    style.letter(axes, "a", "noise levels in training")


def _above_window(data: FigureData, ids: list[str]) -> Curve:
    return data.curve("nrmse", ids, data.above_window, relation="gaussian")


def _above(axes: Axes, row: Row, key: Axes) -> None:
    data = row.data
    if not row.groups:
        key.set_axis_off()
        style.absent(axes, f"grid.sweeps.{row.axis.sweep}")
        return
    curve = joined(row.groups, [_above_window(data, ids(cells)) for cells in row.groups.values()])
    style.parameter_axis(axes, list(row.groups), row.axis.label, style.NARROW)
    style.band(axes, curve, color=style.GREY, linewidth=0.8)
    for place, height in zip(row.groups, curve.value, strict=True):
        axes.plot(place, height, "o", color=row.colours[place])
    empirical = dict.fromkeys(f"{cell.subset}/empirical" for cells in row.groups.values() for cell in cells)
    style.level(axes, float(_above_window(data, list(empirical)).value[0]), "empirical", "empirical")
    style.level(axes, 0, "Gaussian", "gaussian")
    axes.set_ylabel("nRMSE to the Gaussian")
    row.key(key)


def _architectures(axes: Axes, data: FigureData) -> None:
    groups = ARCHITECTURE.groups(data.index)
    style.letter(axes, "c", "a network a level")
    if not any(map(is_levelwise, groups)):
        style.absent(axes, "\narchitecture 'dae-' in\ngrid.sweeps.architecture")
        return
    chosen = {name: cells for name, cells in groups.items() if of_one_level(name)}
    colours = style.colours(chosen)
    for name, cells in chosen.items():
        label = f"{name}: {copying(data, cells).text}"
        style.band(
            axes,
            NRMSE(data, ids(cells)),
            label,
            color=colours[name],
            marker="o",
            markersize=2,
        )
    style.sigma_axis(axes, data.window)
    axes.set_ylim(0, 1.3)
    axes.set_ylabel("nRMSE to the Gaussian")
    axes.legend(
        loc="upper left",
    )
