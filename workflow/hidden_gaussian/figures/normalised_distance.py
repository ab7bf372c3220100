"""The same distances in four normalisations: whether the conclusion depends on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hidden_gaussian.plotting import Copying, Curve, Entry, FigureData, Measured, distance_curves, scored, style
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.tables import signed_root

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Normalised = Callable[[Measured, str, str, str], Curve]


def _needs(index: ResultsIndex) -> list[str]:
    autoencoders = [cell for cell in index.cells("architecture") if cell.is_levelwise][:1]
    network = index.measures([index.main], "empirical", "mean")
    return [*network, *index.measures(autoencoders), *index.memorisation([index.main, *autoencoders])]


ENTRY = Entry("Distances in four normalisations", "Fig. 27", ("size",), _needs, also=("architecture",))


def draw(data: FigureData) -> Figure:
    """Return the figure: RMSE, the mean ratio of norms, nRMSE, and nRMSE by the spread of the outputs."""
    measured, size = Measured(data), math.prod(data.index.shape)
    panels: tuple[tuple[str, Normalised], ...] = (
        (r"$\sqrt{E|D_1 - D_2|^2 / d}$ (pixels)", lambda m, *gap: m.combined([m.table(*gap) / size], signed_root)),
        (r"$E\,(|D_1 - D_2| / |D|)$, eq. 53", mean_ratio),
        (r"$\sqrt{E|D_1 - D_2|^2 / E|D|^2}$", lambda m, *gap: m.nrmse(*gap)),
        (
            r"$\sqrt{E|D_1 - D_2|^2 / E|D - ED|^2}$",
            lambda m, *gap: m.root_ratio(m.table(*gap), m.table(gap[0], "norm_centred")),
        ),
    )
    figure = style.new(4.6)
    for index, (axes, (title, normalised)) in enumerate(zip(figure.subplots(2, 2).flat, panels, strict=True)):
        _curves(axes, data, measured, normalised)
        style.sigma_axis(axes, measured.window(), label=index >= 2)
        style.letter(axes, "abcd"[index], title)
        distance_curves.begin_at_zero(axes, min(axes.get_ylim()[1], 2.0))
    title = scored(data, data.index.main)
    figure.legend(*axes.get_legend_handles_labels(), title=title, loc="outside lower center", ncols=2)
    return figure


def mean_ratio(measured: Measured, identifier: str, quantity: str, reference: str) -> Curve:
    """Return the mean of |D1 - D2| / |D| over images and draws (Li et al. eq. 53): the root is inside the mean."""
    gap = measured.table(identifier, quantity, reference, each=True)
    ratio = (gap / measured.table(identifier, "norm", each=True)).transform(signed_root)
    return measured.mean(ratio.groupby(level="image").mean())


def _curves(axes: Axes, data: FigureData, measured: Measured, normalised: Normalised) -> None:
    def distance(identifier: str, quantity: str, reference: str) -> Curve:
        return normalised(measured, identifier, quantity, reference)

    distance_curves.draw(axes, measured, data.index.main.id, distance, nulls=("empirical", "mean"))
    networks = [cell for cell in data.index.cells("architecture") if cell.is_levelwise]
    look: dict[str, Any] = {"color": "#56B4E9", "marker": "D", "markersize": 2.5}
    if networks:
        label = f"{networks[0].architecture} to Gaussian ({Copying.of(data, networks[0].id).text})"
        style.band(axes, distance(networks[0].id, "distance", "gaussian"), label, **look)
    else:
        axes.plot([], [], label="autoencoder to Gaussian: absent", **look)
