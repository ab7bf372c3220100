"""The same distances in four normalisations: whether the conclusion depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hidden_gaussian.plotting import Copying, Entry, FigureData, distance_curves, scored, style
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _needs(index: ResultsIndex) -> list[str]:
    autoencoders = [cell for cell in index.cells("architecture") if cell.is_levelwise][:1]
    network = index.measures([index.main], "empirical", "mean")
    return [*network, *index.measures(autoencoders), *index.memorisation([index.main, *autoencoders])]


PANELS = (
    (r"$\sqrt{E|D_1 - D_2|^2 / d}$ (pixels)", "rmse"),
    (r"$E\,(|D_1 - D_2| / |D|)$, eq. 53", "difference_ratio"),
    (r"$\sqrt{E|D_1 - D_2|^2 / E|D|^2}$", "nrmse"),
    (r"$\sqrt{E|D_1 - D_2|^2 / E|D - ED|^2}$", "nrmse_centred"),
)
"""Formula, and the metric that it is."""

ENTRY = Entry(
    "Distances in four normalisations",
    "Fig. 27",
    ("size",),
    _needs,
    also=("architecture",),
    metrics=(
        "rmse",
        "difference_ratio",
        "nrmse",
        "nrmse_centred",
        "rmse_unbiased",
        "difference_ratio_unbiased",
        "nrmse_unbiased",
        "nrmse_centred_unbiased",
    ),
)


def draw(data: FigureData) -> Figure:
    """Return the figure: RMSE, the mean ratio of norms, nRMSE, and nRMSE by the spread of the outputs."""
    figure = style.new(4.6)
    for index, (axes, (title, metric)) in enumerate(zip(figure.subplots(2, 2).flat, PANELS, strict=True)):
        _curves(axes, data, metric)
        style.sigma_axis(axes, data.window, label=index >= 2)
        style.letter(axes, "abcd"[index], title)
        distance_curves.begin_at_zero(axes, min(axes.get_ylim()[1], 2.0))
    title = scored(data, data.index.main)
    figure.legend(*axes.get_legend_handles_labels(), title=title, loc="outside lower center", ncols=2)
    return figure


def _curves(axes: Axes, data: FigureData, metric: str) -> None:
    distance_curves.draw(axes, data, data.index.main.id, metric, nulls=("empirical", "mean"))
    networks = [cell for cell in data.index.cells("architecture") if cell.is_levelwise]
    look: dict[str, Any] = {"color": "#56B4E9", "marker": "D", "markersize": 2.5}
    if networks:
        label = f"{networks[0].architecture} to Gaussian ({Copying.of(data, networks[0].id).text})"
        style.band(axes, data.curve(metric, networks[0].id, relation="gaussian"), label, **look)
    else:
        axes.plot(
            [],
            [],
            label="autoencoder to Gaussian: absent",
            **look,
        )
