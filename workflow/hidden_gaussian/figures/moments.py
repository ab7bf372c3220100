"""Whether samples have the moments of their training images: mean, covariance, spectrum and tails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hidden_gaussian.plotting import SIZE, Curve, Entry, FigureData, Row, joined, layout, shown, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Sets = Mapping[int, tuple[str, str]]
"""Sample sets by size: id and solver."""
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


ENTRY = Entry(
    "Moments of samples",
    "",
    ("size",),
    _needs,
    metrics=(
        "mean_ratio",
        "covariance_ratio",
        "difference_kurtosis",
        "component_variance",
        "component_kurtosis",
        "power_ratio",
    ),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: three statistics over the number of training images, and three along an axis of their own."""
    groups = SIZE.groups(data.index)
    row = Row(data, SIZE, groups)
    cells = {size: shown(of)[0] for size, of in groups.items()}
    networks = {size: (cell.id, data.index.solver(cell.id)) for size, cell in cells.items()}
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


def _nulls(data: FigureData, subsets: Mapping[int, str]) -> dict[str, tuple[str, Sets]]:
    """Return dashes and sets by size of the Gaussian's samples, and of photographs and copies where there are any."""
    nulls: dict[str, tuple[str, Sets]] = {
        "Gaussian samples": ("gaussian", {size: (f"{name}/gaussian", "exact") for size, name in subsets.items()})
    }
    if data.index.photographs:
        for kind, label, dashes in (
            ("heldout", f"{data.index.unseen_name} photographs", "identity"),
            ("copies", "copies of training images", "empirical"),
        ):
            nulls[label] = dashes, {size: (f"{name}/{kind}", "photographs") for size, name in subsets.items()}
    return nulls


def _score(data: FigureData, name: str, of: tuple[str, str]) -> Curve:
    """Return a metric of a sample set along its own axis; of one place if it has none."""
    identifier, sampler = of
    places = data.places(name, identifier, sampler=sampler)
    if len(places) > 1:
        return data.profile(name, identifier, sampler=sampler)
    return data.curve(name, identifier, sampler=sampler)


def _by_size(axes: Axes, name: str, networks: Sets, nulls: dict[str, tuple[str, Sets]], row: Row) -> None:
    style.parameter_axis(axes, list(networks), SIZE.label, style.NARROW)
    for label, (dashes, sets) in nulls.items():
        style.null(axes, joined(sets, [_score(row.data, name, of) for of in sets.values()]), label, dashes)
    curve = joined(networks, [_score(row.data, name, of) for of in networks.values()])
    style.band(axes, curve, color=style.GREY, linewidth=0.8)
    for size, height in zip(networks, curve.value, strict=True):
        axes.plot(size, height, "o", color=row.colours[size])
    _expect(axes, name)


def _along(axes: Axes, name: str, networks: Sets, nulls: dict[str, tuple[str, Sets]], row: Row) -> None:
    largest = max(networks)
    for dashes, sets in nulls.values():
        style.null(axes, _score(row.data, name, sets[largest]), None, dashes)
    for size, of in networks.items():
        style.band(axes, _score(row.data, name, of), color=row.colours[size])
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
