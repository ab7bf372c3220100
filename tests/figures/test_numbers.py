"""Every number that a figure draws stands in a table: read from the drawn artists, recomputed by nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from hidden_gaussian.figures.energy_split import TOLERANCE
from hidden_gaussian.figures.generalisation_score import PAPER_THRESHOLD
from hidden_gaussian.figures.registry import ENTRIES, available, draw, input_files
from hidden_gaussian.plotting.figure_data import ALWAYS
from hidden_gaussian.tables.gather import FAMILIES, gather
from synthetic_results import World

CONSTANTS = (0.0, 1.0, PAPER_THRESHOLD, TOLERANCE, -TOLERANCE)
"""Heights of lines that mark a null or a threshold and estimate nothing."""
NOT_ESTIMATED = "settings"
"""What an artist is called (gid) that is drawn from the settings, not from measurements."""
EXACT = 1e-9
ON_BOTH_AXES = ("overview",)


@pytest.fixture(scope="module")
def values(world: World) -> dict[str, np.ndarray]:
    """Every estimate of the tables, sorted, by metric: the dataset's and its surrogates'."""
    worlds = {world: world.index, world.double: world.index.surrogates[0]}
    found: dict[str, list[np.ndarray]] = {}
    for one, index in worlds.items():
        for metric, rows in estimates(one, index).items():
            found.setdefault(metric, []).append(rows)
    return {metric: np.sort(np.concatenate(parts)) for metric, parts in found.items()}


def estimates(world: World, index) -> dict[str, np.ndarray]:
    paths = {path for name in available(world.index) for path in input_files(name, world.index)}
    paths = {path for path in paths if path.endswith(".parquet") and not path.startswith("../")}
    paths.add(f"{index.largest}/spectrum.safetensors")
    first = dict.fromkeys([*index.compared_samples.values(), *index.compared_trajectories])
    for path in [*first, f"{index.largest}/spectrum.safetensors"]:
        world.write_one(path)
    ordered = [*first, *sorted(paths - first.keys())]
    present = [str(world.root / path) for path in ordered if (world.root / path).exists()]
    made = gather(Path(world.root), present, pixels=int(np.prod(index.shape)), sweeps=index.sweeps)
    parts = [made[family] for family in FAMILIES]
    return {metric: rows["value"].to_numpy(float) for part in parts for metric, rows in part.groupby("metric")}


@pytest.fixture(scope="module")
def figures(world: World) -> dict[str, Figure]:
    return {name: draw(name, world.data(name)) for name in ENTRIES}


def series(figure: Figure) -> Iterator[tuple[Axes, Artist, np.ndarray, np.ndarray]]:
    """Yield each drawn series with its numbers: lines, symbols, bars and coloured cells; not bands, not images."""
    for axes in figure.axes:
        if axes.images or axes.get_label() == "<colorbar>":
            continue
        for line in axes.lines:
            x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
            drawn = np.isfinite(x) & np.isfinite(y)
            if line.get_gid() != NOT_ESTIMATED and drawn.any() and _is_horizontal_or_data(axes, line):
                yield axes, line, x[drawn], y[drawn]
        for patch in axes.patches:
            if isinstance(patch, Rectangle) and patch.get_transform().contains_branch(axes.transData):
                yield axes, patch, np.array([patch.get_x()]), np.array([patch.get_height()])
        for mesh in axes.collections:
            if isinstance(mesh, QuadMesh):
                numbers = np.ma.compressed(np.ma.masked_invalid(mesh.get_array()))
                yield axes, mesh, numbers, numbers


def _is_horizontal_or_data(axes: Axes, line: Line2D) -> bool:
    """Whether the heights of a line are data: not those of a vertical line, whose ends are shares of the axis."""
    return line.get_transform() != axes.get_xaxis_transform(which="grid")


def strangers(name: str, figure: Figure, values: dict[str, np.ndarray]) -> list[tuple[str, float]]:
    """Return the drawn numbers that stand in no row of the metrics that the figure's entry names."""
    metrics = [metric for metric in {*ENTRIES[name].metrics, *ALWAYS} if metric in values]
    known = np.sort(np.concatenate([CONSTANTS, *(values[metric] for metric in metrics)]))
    missing = []
    for axes, _, x, y in series(figure):
        for number in np.concatenate([x, y]) if name in ON_BOTH_AXES else y:
            place = np.clip(np.searchsorted(known, number), 1, len(known) - 1)
            if np.abs(known[[place - 1, place]] - number).min() > EXACT * max(1.0, abs(number)):
                missing.append((axes.get_title(loc="left"), float(number)))
    return missing


def printed(figure: Figure) -> list[float]:
    """Return the numbers that are printed beside images."""
    texts = (text.get_text() for axes in figure.axes if axes.images for text in axes.texts)
    return [float(text) for text in texts if text.replace(".", "", 1).isdigit()]


@pytest.mark.parametrize("name", ENTRIES)
def test_every_number_drawn_is_in_a_table(name: str, figures: dict[str, Figure], values: dict[str, np.ndarray]) -> None:
    assert not strangers(name, figures[name], values)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_figure_has_as_many_series_as_its_key_has_entries(name: str, figures: dict[str, Figure]) -> None:
    figure = figures[name]
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    entries = [text.get_text() for legend in legends for text in legend.get_texts()]
    named = [entry for entry in entries if "absent" not in entry]
    drawn = list(series(figure))
    assert len(drawn) >= len(named), named
    assert bool(drawn or printed(figure)) == bool(ENTRIES[name].metrics)


def test_correlations_printed_beside_samples_are_in_the_table(
    figures: dict[str, Figure], values: dict[str, np.ndarray]
) -> None:
    numbers = printed(figures["samples"])
    assert len(numbers) == 4
    assert all(np.abs(values["r_c"] - number).min() <= 0.005 for number in numbers)


@pytest.mark.parametrize("name", ["linearity", "overview", "splice", "energy_split"])
def test_a_number_that_is_off_by_a_millionth_is_found(name: str, world: World, values: dict[str, np.ndarray]) -> None:
    figure = draw(name, world.data(name))
    _, artist, _, y = next(found for found in series(figure) if not np.isin(found[3], CONSTANTS).any())
    if isinstance(artist, Line2D):
        artist.set_ydata(np.asarray(artist.get_ydata(), float) + 1e-6)
    elif isinstance(artist, Rectangle):
        artist.set_height(artist.get_height() + 1e-6)
    else:
        artist.set_array(artist.get_array() + 1e-6)
    assert len(strangers(name, figure, values)) >= len(y)
