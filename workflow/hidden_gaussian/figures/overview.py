"""Loss against closeness to the Gaussian, one point a cell: two axes, not one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import HALVES, Copying, Curve, Entry, FigureData, judged, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

COLUMNS = 3  # of the legend
MARKERS: tuple[Any, ...] = (*"osD^vP*X<>pdh", (4, 1, 0), (8, 1, 0), (3, 1, 20))
RING: Any = {"marker": "o", "ls": "", "color": style.EMPIRICAL, "markersize": 9, "markerfacecolor": "none"}


def _needs(index: ResultsIndex) -> list[str]:
    return [*index.measures(index.all_cells, "gaussian", "empirical"), *index.memorisation(index.all_cells)]


ENTRY = Entry(
    "Loss against closeness to the Gaussian",
    "",
    ("size",),
    _needs,
    also=("scale", "time", *HALVES, "architecture", "clock"),
    metrics=("rho", "loss_ratio"),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: denoising loss relative to the own Gaussian's over rho, both pooled over the window W."""
    cells = data.index.all_cells
    colours, scale = style.ramp(cell.subset_size for cell in cells)
    kinds = sorted({kind(cell) for cell in cells})
    markers = dict(zip(kinds, MARKERS * len(kinds), strict=False))
    figure = style.new(3.4 + 0.13 * len(kinds) / COLUMNS)
    axes = figure.add_subplot()
    style.level(axes, 1, None, "gaussian")
    axes.axvline(1, color=style.GREY, linewidth=0.8, linestyle=style.DASHES["empirical"], zorder=1.2)
    scores = {cell: Copying.of(data, cell.id) for cell in cells}
    copying = {cell for cell, score in scores.items() if score.memorises}
    for run in dict.fromkeys(cell.run for cell in cells):
        _run(axes, data, sorted(cell for cell in cells if cell.run == run), colours, markers, copying)
    for subset in dict.fromkeys(cell.subset for cell in cells):
        size = next(cell.subset_size for cell in cells if cell.subset == subset)
        axes.plot(1, _loss(data, f"{subset}/empirical").value[0], "x", color=colours[size], markersize=5, zorder=4)
    _finish(axes, data.index.unseen_name)
    handles = _handles(markers, judged(scores.values(), "memorises"))
    figure.legend(handles=handles, loc="outside lower center", ncols=COLUMNS)
    bar = figure.colorbar(scale, ax=axes, pad=0.01, aspect=30)
    bar.set_ticks(sorted(colours), labels=[style.number(size) for size in sorted(colours)])
    bar.minorticks_off()
    bar.set_label("training images $N$")
    return figure


def kind(cell: Cell) -> tuple[str, int]:
    """Return what tells networks apart beside their training: architecture and scale."""
    return cell.architecture, cell.scale


def _loss(data: FigureData, identifier: str) -> Curve:
    return data.in_window("loss_ratio", identifier, relation="gaussian")


def _run(
    axes: Axes,
    data: FigureData,
    run: list[Cell],
    colours: dict[float, str],
    markers: dict[tuple[str, int], Any],
    copying: set[Cell],
) -> None:
    """Draw the checkpoints of one run in the order of training: the last one filled, those that copy with a ring."""
    points = [(data.in_window("rho", cell.id), _loss(data, cell.id)) for cell in run]
    colour = colours[run[0].subset_size]
    axes.plot([x.value[0] for x, _ in points], [y.value[0] for _, y in points], color=colour, linewidth=0.5, alpha=0.6)
    for cell, (x, y) in zip(run, points, strict=True):
        axes.errorbar(
            x.value,
            y.value,
            xerr=x.error,
            yerr=y.error,
            marker=markers[kind(cell)],
            linestyle="",
            color=colour,
            markerfacecolor=colour if cell == run[-1] else "white",
            markersize=4.5 if cell == run[-1] else 3.2,
            markeredgewidth=0.8,
            elinewidth=0.7,
            zorder=3,
        )
        if cell in copying:
            axes.plot(x.value, y.value, **RING)


def _finish(axes: Axes, noised: str) -> None:
    """Scale and label the axes."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    style.log_ticks(axes.xaxis)
    style.log_ticks(axes.yaxis)
    axes.set_xlabel(r"$\rho$: squared distance to the own Gaussian (1: as far as the empirical denoiser)")
    axes.set_ylabel(f"{noised} loss relative to the own Gaussian's")


def _handles(markers: dict[tuple[str, int], Any], ring: str) -> list[Line2D]:
    """Return what the legend explains: a symbol for each kind of network, then what else is drawn."""

    from matplotlib.lines import Line2D

    several = len({architecture for architecture, _ in markers}) > 1
    return [
        *(
            Line2D(
                [], [], ls="", marker=marker, color="k", label=f"{name}, scale {size}" if several else f"scale {size}"
            )
            for (name, size), marker in markers.items()
        ),
        Line2D([], [], ls="", marker="o", color="k", markerfacecolor="white", label="earlier checkpoint"),
        Line2D([], [], label=ring, **RING),
        Line2D([], [], ls="", marker="x", color="k", label="empirical denoiser"),
        Line2D([], [], color=style.GREY, ls=style.DASHES["gaussian"], label=r"own Gaussian ($\rho = 0$)"),
    ]
