"""Linearity against noise level, for growing training sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hidden_gaussian.figures import style
from hidden_gaussian.figures.curves import Array, Curve, Measured
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.entry import shown
from hidden_gaussian.figures.neighbours import Copying
from hidden_gaussian.figures.varied import SIZE, Groups

PAPER = "ffhq"  # the dataset whose curves the paper has
Score = Callable[[Measured, list[str]], Curve]


def cosine(measured: Measured, ids: list[str], suffix: str = "") -> Curve:
    """Return the mean cosine between D(a y1 + b y2) and a D(y1) + b D(y2) (Li et al. eq. 11)."""
    total = pd.DataFrame()
    for identifier in ids:
        inner, mixed, combined = (
            measured.table(identifier, f"{name}{suffix}", pairs=True)
            for name in ("mixed_inner", "mixed_norm", "combined_norm")
        )
        cosines = inner / (mixed * combined).pow(0.5)
        total = cosines if total.empty else total + cosines
    return measured.mean((total / len(ids)).dropna(axis=1))


def affinity(measured: Measured, ids: list[str]) -> Curve:
    """Return the squared gap of an affine mixture relative to the spread of the outputs: 0 for every affine map."""
    return measured.ratio(
        measured.table(ids, "affine_gap", pairs=True), measured.table(ids, "norm_centred", pairs=True)
    )


PANELS: tuple[tuple[str, str, Score], ...] = (
    ("cosine, as published", "cosine", cosine),
    ("cosine, mean subtracted", "cosine", lambda measured, ids: cosine(measured, ids, "_centred")),
    (r"cosine of the residual $y - D$", "cosine", lambda measured, ids: cosine(measured, ids, "_residual")),
    ("deviation from affinity", "squared gap / spread", affinity),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: four scores over sigma, a curve for each subset size, dashed where the network memorises."""
    measured = Measured(data)
    groups = SIZE.groups(data.plan)
    copying = {size: Copying.of(data, shown(cells)[0].id) for size, cells in groups.items()}
    colours, _ = style.ramp(groups)
    figure = style.new(4.7)
    for index, (axes, (title, label, score)) in enumerate(zip(figure.subplots(2, 2).flat, PANELS, strict=True)):
        _nulls(axes, measured, score, groups)
        for size, cells in groups.items():
            dashes = "--" if copying[size].memorises else "-"
            style.band(axes, score(measured, [cell.id for cell in cells]), color=colours[size], linestyle=dashes)
        if index == 0 and data.plan.name == PAPER:
            _published(axes, groups, colours)
        style.sigma_axis(axes, measured.window(), label=index >= 2)
        style.letter(axes, "abcd"[index], title)
        axes.set_ylabel(label)
    _key(figure, groups, copying, colours, paper=data.plan.name == PAPER)
    return figure


def published() -> dict[int, Array]:
    """Return the paper's cosines on FFHQ by subset size: rows of sigma and cosine, read off its Fig. 1."""
    content = json.loads(Path(__file__).with_name("paper_curves.json").read_text(encoding="utf-8"))
    sigma, cosines = content["sigma"], content["cosine"]
    return {int(size): np.array([sigma, heights], dtype=np.float64) for size, heights in cosines.items()}


def _published(axes: Axes, groups: Groups, colours: dict[float, str]) -> None:
    for size, (sigma, heights) in published().items():
        if size in groups:
            axes.plot(sigma, heights, ":", color=colours[size], label=f"paper, {size:,}")


def _nulls(axes: Axes, measured: Measured, score: Score, groups: Groups) -> None:
    small, large = (shown(groups[size])[0].subset for size in (min(groups), max(groups)))
    for identifier, dashes in (
        (f"{small}/empirical", "empirical"),
        (f"{large}/empirical", "empirical_large"),
        (f"{large}/gaussian", "gaussian"),
        (f"{large}/identity", "identity"),
    ):
        curve = score(measured, [identifier])
        if np.isfinite(curve.value).any():
            style.null(axes, curve, None, dashes)


def _key(
    figure: Figure, groups: Groups, copying: dict[int, Copying], colours: dict[float, str], *, paper: bool
) -> None:
    small, large = (style.number(size) for size in (min(groups), max(groups)))
    networks = [
        Line2D([], [], color=colours[size], ls="--" if scores.memorises else "-", label=f"{size:,}: {scores.text}")
        for size, scores in copying.items()
    ]
    nulls = [
        Line2D([], [], color=style.GREY, ls=style.DASHES[dashes], lw=1, label=label)
        for dashes, label in (
            ("empirical", f"empirical, $N = {small}$"),
            ("empirical_large", f"empirical, $N = {large}$"),
            ("gaussian", f"Gaussian, $N = {large}$"),
            ("identity", "identity"),
        )
    ]
    if paper:
        nulls.append(Line2D([], [], color="k", ls=":", label="the paper's Fig. 1"))
    title = r"$N$: $f_{\mathrm{mem}}$, GL (dashed: memorises)"
    columns = 2 if len(networks) <= 8 else 3
    figure.legend(handles=networks, title=title, loc="outside lower left", ncols=columns)
    figure.legend(handles=nulls, title="nulls", loc="outside lower right", ncols=2)
