"""Several measures along the size, the scale and the training: the design of figures with one row a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from hidden_gaussian.plotting import style
from hidden_gaussian.plotting.curves import Curve, Measured, joined
from hidden_gaussian.plotting.entry import EXTREMES
from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.plotting.sweep_axis import SCALE, SIZE, TIME, Groups, SweepAxis, copying, ids, references, subsets

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec
    from matplotlib.lines import Line2D

LABELS = {"empirical": "empirical", "gaussian": "Gaussian", "identity": "identity", "mean": "mean image"}


@dataclass(frozen=True)
class Panel:
    """One measure.

    Attributes
    ----------
    title : str
    curve : callable
        Measurements and ids of denoisers that are pooled in, curve over sigma out, or one place if `pooled`.
    nulls : tuple of str
        Kinds of reference denoiser that are drawn grey, of the smallest and of the largest subset.
    levels : tuple of (float, str, str)
        Constant nulls, what they are called, and their dashes.
    limits : tuple
        Ends of the y axis; None: as it comes.
    pooled : bool
        Whether the window W is pooled, and the parameter of the sweep is the x axis.
    scale : str
        Scale of the y axis.
    highest : float, optional
        Noise level at which the x axis ends.
    paint : callable, optional
        Draws the networks in place of `curve`, and returns handles for the legend.
    """

    title: str
    curve: Callable[[Measured, list[str]], Curve]
    nulls: tuple[str, ...] = ()
    levels: tuple[tuple[float, str, str], ...] = ()
    limits: tuple[float | None, float | None] = (None, None)
    pooled: bool = False
    scale: str = "linear"
    highest: float | None = None
    paint: Callable[[Axes, Measured, SweepAxis, Groups], Mapping[str, Artist]] | None = None


@dataclass(frozen=True)
class Row:
    """One sweep, or a part of one, with what it is drawn from."""

    data: FigureData
    measured: Measured
    varied: SweepAxis
    groups: Groups

    @property
    def colours(self) -> dict[Any, Any]:
        """A colour for each place."""
        return style.colours(self.groups)

    def draw(self, figure: Figure, grid: GridSpec, row: int, panels: Sequence[Panel]) -> dict[str, Artist]:
        """Draw the panels and the key into one row of a grid, and return a handle for each null."""
        handles: dict[str, Artist] = {}
        for column, panel in enumerate(panels):
            axes = figure.add_subplot(grid[row, column])
            handles |= self._nulls(axes, panel)
            if panel.paint:
                handles |= panel.paint(axes, self.measured, self.varied, self.groups)
            elif panel.pooled:
                self._pooled(axes, panel)
            else:
                self._over_sigma(axes, panel)
            axes.set_yscale(panel.scale)
            axes.set_ylim(*panel.limits)
            if panel.scale == "log":
                style.log_ticks(axes.yaxis)
            style.letter(axes, ascii_lowercase[row * len(panels) + column], panel.title)
        self.key(figure.add_subplot(grid[row, len(panels)]))
        return handles

    def _over_sigma(self, axes: Axes, panel: Panel) -> None:
        for place, cells in self.groups.items():
            curve = panel.curve(self.measured, ids(cells))
            style.band(axes, curve, color=self.colours[place], marker="o", markersize=2)
        style.sigma_axis(axes, self.measured.window(), label=False)
        axes.set_xlabel(r"noise level $\sigma$")
        if panel.highest:
            axes.set_xlim(right=panel.highest)
            style.log_ticks(axes.xaxis)

    def _pooled(self, axes: Axes, panel: Panel) -> None:
        curves = {place: panel.curve(self.measured, ids(cells)) for place, cells in self.groups.items()}
        kept = {place: curve for place, curve in curves.items() if len(curve.x)}
        style.parameter_axis(axes, list(self.groups), self.varied.label, style.NARROW)
        style.band(axes, joined(kept, kept.values()), color=style.GREY, linewidth=0.8)
        for place, curve in kept.items():
            axes.plot(place, curve.value, "o", color=self.colours[place])

    def _nulls(self, axes: Axes, panel: Panel) -> dict[str, Line2D]:
        small, large = subsets(self.groups)
        both = EXTREMES if small != large else ()
        subjects = [(kind, large) for kind in panel.nulls]
        subjects += [(kind, small) for kind in panel.nulls if kind in both]
        handles = {}
        for kind, chosen in subjects:
            curve = panel.curve(self.measured, references(chosen, kind))
            if len(curve.x):
                which = f", {'smallest' if chosen == small else 'largest'} $N$" if kind in both else ""
                name = f"{LABELS[kind]}{which}"
                dashes = f"{kind}_large" if kind in both and chosen == large else kind
                handles[name] = style.null(axes, curve, name, dashes)
        for height, name, dashes in panel.levels:
            handles[name] = style.level(axes, height, name, dashes)
        handles.pop("", None)
        return handles

    def key(self, axes: Axes) -> None:
        """Draw the key: the colour of each place, with memorised fraction and GL score."""

        from matplotlib.lines import Line2D

        axes.set_axis_off()
        handles = [
            Line2D([], [], color=self.colours[place], label=f"{style.number(place)}: {copying(self.data, cells).text}")
            for place, cells in self.groups.items()
        ]
        title = f"{self.varied.label}:\n" + r"$f_{\mathrm{mem}}$, GL"
        axes.legend(
            handles=handles, title=title, loc="center left", alignment="left", handlelength=1.0, borderaxespad=0
        )


def draw(data: FigureData, panels: Sequence[Panel], sweeps: Sequence[SweepAxis] = (SIZE, SCALE, TIME)) -> Figure:
    """Return the figure: a row for each sweep, a column for each measure; a sweep that is not there is marked."""
    measured = Measured(data)
    rows = [Row(data, measured, varied, varied.groups(data.index)) for varied in sweeps]
    heights = [1.75 if row.groups else 0.25 for row in rows]
    figure = style.new(sum(heights) + 0.35)
    grid = layout(figure, panels, heights)
    handles: dict[str, Artist] = {}
    for number, row in enumerate(rows):
        if row.groups:
            handles |= row.draw(figure, grid, number, panels)
        else:
            style.absent(figure.add_subplot(grid[number, :]), f"grid.sweeps.{row.varied.sweep}")
    if handles:
        figure.legend(handles=list(handles.values()), loc="outside lower center", ncols=3)
    return figure


def layout(figure: Figure, panels: Sequence[object], heights: Sequence[float]) -> GridSpec:
    """Return a grid of rows of the heights, with a column for each panel and a narrow one for the key."""
    widths = [*[1.0] * len(panels), 0.62 if len(panels) > 2 else 0.45]
    return figure.add_gridspec(len(heights), len(widths), width_ratios=widths, height_ratios=heights)
