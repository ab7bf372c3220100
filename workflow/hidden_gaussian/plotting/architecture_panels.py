"""Architectures on the same training images: measures over sigma, and images below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import image_grid, style, sweep_panels
from hidden_gaussian.plotting.curves import Measured
from hidden_gaussian.plotting.entry import shown
from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.plotting.sweep_axis import ARCHITECTURE
from hidden_gaussian.plotting.sweep_panels import Panel
from hidden_gaussian.plotting.trajectories import LEVELS, seen

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Images = Mapping[str, NDArray[np.floating]]


def draw(
    data: FigureData,
    wanted: Callable[[str], bool],
    panels: Sequence[Panel],
    rows: Callable[[FigureData, list[Cell]], Images],
    columns: Sequence[str] = (),
) -> Figure:
    """Return the figure.

    Parameters
    ----------
    wanted : callable
        Whether an architecture of the sweep is shown.
    panels : sequence of Panel
        Measures over sigma.
    rows : callable
        The first cell of each architecture in, images of shape (columns, channels, height, width) by name out.
    columns : sequence of str
        Labels of the images.
    """
    groups = {name: cells for name, cells in ARCHITECTURE.groups(data.index).items() if wanted(name)}
    images = rows(data, [shown(cells)[0] for cells in groups.values()])
    height = 0.45 * len(images) + 0.4
    figure = style.new(height + 2.4)
    grid = sweep_panels.layout(figure, panels, [1.9, height])
    handles = sweep_panels.Row(data, Measured(data), ARCHITECTURE, groups).draw(figure, grid, 0, panels)
    axes = figure.add_subplot(grid[1, :])
    image_grid.grid(axes, np.stack(list(images.values())), rows=list(images), columns=columns)
    first = next(iter(groups.values()))[0]
    what = "outputs along the sampler from one latent" if columns else "samples of the same latents"
    style.letter(axes, "abcdef"[len(panels)], f"{what}, $N$ = {first.subset_size:,}")
    if columns:
        axes.set_xlabel(r"noise level $\sigma$ of the step")
    figure.legend(handles=list(handles.values()), loc="outside lower center", ncols=4)
    return figure


def outputs(data: FigureData, cells: list[Cell], linear: bool) -> Images:
    """Return the outputs of architectures, of the Gaussian and, if wanted, of the first one's linear map."""
    images = {cell.architecture: seen(data, cell.id, 1)[0] for cell in cells}
    if linear:
        images[f"linear of {cells[0].architecture}"] = seen(data, f"{cells[0].id}/linear", 1)[0]
    return images | {"Gaussian": seen(data, f"{cells[0].subset}/gaussian", 1)[0]}


STEPS = [style.level_text(sigma) for sigma in LEVELS]
