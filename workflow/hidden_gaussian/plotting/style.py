"""How every figure looks: sizes as printed, colours that all eyes tell apart, one axis of noise levels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from hidden_gaussian.plotting.curves import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

WIDTH = 5.5  # inches: the text width of a NeurIPS page
NETWORK, GAUSSIAN, LINEAR, EMPIRICAL = "#0072B2", "#D55E00", "#009E73", "#CC79A7"  # Okabe and Ito
GREY = "#777777"
NARROW = 0.32  # share of a narrow axis that a tick label takes
CATEGORIES = (NETWORK, GAUSSIAN, LINEAR, EMPIRICAL, "#56B4E9", "#E69F00", "#000000", "#B8A800")
DASHES = {
    "gaussian": (0, (6, 1.5)),
    "empirical": (0, (3, 1.5)),
    "empirical_large": (0, (3, 1.2, 1, 1.2)),
    "identity": (0, (1, 1.2)),
    "identity_large": (0, (1, 2.6)),
    "untrained": (0, (4, 1, 1, 1, 1, 1)),
    "mean": (0, (6, 1.5, 1, 1.5)),
    "solid": "-",
}
RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.labelspacing": 0.3,
    "legend.borderaxespad": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.titlelocation": "left",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "figure.dpi": 200,
}


def new(height: float, *, images: bool = False) -> Figure:
    """Return an empty figure of the text width and a printed height in inches, for curves or for images alone."""

    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(RC)
    return Figure((WIDTH, height), layout="compressed" if images else "constrained")


def ramp_map() -> Colormap:
    """Return viridis without its palest end, which vanishes on white."""

    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("ramp", matplotlib.colormaps["viridis"](np.linspace(0.0, 0.88, 256)))


def ramp(values: Iterable[float]) -> tuple[dict[float, Any], ScalarMappable]:
    """Return a colour for each value of a swept parameter, and the scale for a colour bar.

    Colours follow the logarithm; a value of 0 counts as half of the smallest positive one.
    """

    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    ordered = sorted(set(values))
    positive = [value for value in ordered if value > 0] or [1.0]
    low = positive[0] / 2 if ordered[0] <= 0 else positive[0]
    high = positive[-1] if positive[-1] > low else 2 * low
    scale = ScalarMappable(LogNorm(low, high), ramp_map())
    colours: dict[float, Any] = {}
    for value in ordered:
        place = max(value, low)
        colours[value] = scale.to_rgba(np.array(place))
    return colours, scale


def colours(values: Iterable[Any]) -> dict[Any, Any]:
    """Return a colour for each value: of the continuous map for numbers, of a fixed list for names."""
    ordered = list(values)
    if all(isinstance(value, str) for value in ordered):
        return dict(zip(ordered, CATEGORIES * len(ordered), strict=False))
    return dict(ramp(ordered)[0])


def band(axes: Axes, curve: Curve, label: str | None = None, **line: Any) -> Line2D:
    """Draw a curve and its interval; one point, where lines and bands have no extent, as a symbol with a bar."""
    (drawn,) = axes.plot(curve.x, curve.value, label=label, **line)
    if len(curve.x) == 1:
        axes.vlines(curve.x, curve.low, curve.high, color=drawn.get_color(), linewidth=0.8)
        if drawn.get_marker() == "None":
            drawn.set_marker("o")
    else:
        axes.fill_between(curve.x, curve.low, curve.high, color=drawn.get_color(), alpha=0.2, linewidth=0)
    return drawn


def null(axes: Axes, curve: Curve, label: str | None, dashes: str) -> Line2D:
    """Draw a null as a grey line without its interval."""
    (drawn,) = axes.plot(
        curve.x, curve.value, label=label, color=GREY, linestyle=DASHES[dashes], linewidth=1.0, zorder=1.5
    )
    return drawn


def level(axes: Axes, height: float, label: str | None, dashes: str = "solid") -> Line2D:
    """Draw a constant null as a grey line."""
    return axes.axhline(height, color=GREY, linestyle=DASHES[dashes], linewidth=0.8, zorder=1.2, label=label)


def sigma_axis(axes: Axes, window: tuple[float, float] | None = None, *, label: bool = True) -> None:
    """Make the x axis one of noise levels, with the window W shaded."""
    axes.set_xscale("log")
    axes.margins(x=0.02)
    if label:
        axes.set_xlabel(r"noise level $\sigma$ (pixels in $[-1, 1]$)")
    if window is not None:
        axes.axvspan(*window, color="#f0e6c8", alpha=0.6, linewidth=0, zorder=0)
    log_ticks(axes.xaxis)


def _apart(values: list[float], distance: float) -> list[float]:
    """Return the values whose logarithms are at least a distance apart, from the first on, so that labels fit."""
    apart = values[:1]
    for value in values[1:]:
        if not apart[-1] or np.log(value / apart[-1]) >= distance:
            apart.append(value)
    return apart


def log_scale(axes: Axes, values: Iterable[float]) -> None:
    """Make the x axis logarithmic; where 0 is among its values, linear below the smallest positive one."""
    ordered = sorted(set(values))
    positive = [value for value in ordered if value > 0]
    if len(positive) == len(ordered):
        axes.set_xscale("log")
    elif positive:
        axes.set_xscale("symlog", linthresh=positive[0], linscale=0.5)


def parameter_axis(axes: Axes, values: list[float], label: str, share: float = 0.18) -> None:
    """Make the x axis one of a swept parameter, logarithmic, with ticks at its values that are a share apart."""
    log_scale(axes, values)
    positive = [value for value in values if value > 0] or [1.0]
    ticks = _apart(sorted(values), share * np.log(max(positive) / min(positive)))
    axes.set_xticks(ticks, [number(value) for value in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(label)


def log_ticks(axis: Axis, most: int = 6) -> None:
    """Give a logarithmic axis a few plain numbers as ticks: powers of 10, more where these are few, or even steps."""

    from matplotlib.ticker import MaxNLocator

    low, high = axis.get_view_interval()
    zero = [0.0] if axis.get_scale() == "symlog" else []
    if zero:
        low = axis.get_transform().linthresh  # type: ignore[attr-defined]
    if high < 4 * low:
        ticks = zero + [tick for tick in MaxNLocator(most - 1).tick_values(low, high) if low <= tick <= high]
        axis.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks])
        axis.set_ticks([], minor=True)
        return
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
        ticks = sorted(power * factor for power in powers for factor in factors if low <= power * factor <= high)
        if len(ticks) >= (3 if len(factors) == 1 else 2):
            break
    ticks = zero + _apart(ticks, np.log(high / low) / (most + 1))
    axis.set_ticks(ticks, labels=[f"{tick:.3g}" if tick < 1000 else number(tick) for tick in ticks])
    axis.set_ticks([], minor=True)


def number(value: float | str) -> str:
    """Return a number as printed beside a curve: 512, 4,096, 77k, 1.5M; a name as it is."""
    if isinstance(value, str):
        return value
    if value >= 1e6:
        return f"{value / 1e6:.3g}M"
    if value >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:,.0f}"


def absent(axes: Axes, what: str, *, frame: bool = False) -> None:
    """Mark a panel whose cells or measurements are not in the settings, in an empty frame or without one."""
    if frame:
        axes.set_xticks([])
    else:
        axes.set_axis_off()
    axes.text(
        0.5,
        0.5,
        f"absent: the settings have no {what}",
        color=GREY,
        ha="center",
        va="center",
        transform=axes.transAxes,
        fontsize=7,
    )


def sigma_bar(figure: Figure | SubFigure, scale: ScalarMappable, axes: Any, *, aspect: float = 40) -> None:
    """Put a colour bar of noise levels beside some panels."""
    bar = figure.colorbar(scale, ax=axes, pad=0.02, aspect=aspect)
    bar.set_ticks([0.01, 0.1, 1, 10], labels=["0.01", "0.1", "1", "10"])
    bar.minorticks_off()
    bar.ax.set_title(r"$\sigma$", loc="center", fontsize=7.5)


def level_text(sigma: float) -> str:
    """Return a noise level with two digits, without an exponent."""
    return f"{sigma:.2g}" if sigma < 10 else f"{sigma:.0f}"


def letter(axes: Axes, name: str, title: str, pad: float | None = None) -> None:
    """Title a panel, `pad` points above it: a letter in bold, then what it shows."""
    axes.set_title(rf"$\bf{{{name}}}$  {title}", pad=pad)
