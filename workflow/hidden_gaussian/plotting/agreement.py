"""How alike samples of the same latents are: of two halves, of a network and its Gaussian, of nulls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import curves, style
from hidden_gaussian.plotting.curves import Curve
from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.tables import formulas

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("inner", "norm_a", "norm_b")
LOOKS: dict[str, dict[str, Any]] = {
    "network a to b": {"color": style.NETWORK, "marker": "o"},
    "network to own Gaussian": {"color": style.GAUSSIAN, "marker": "s"},
    "Gaussian a to b": {"color": style.GREY, "marker": "D"},
    "empirical a to b": {"color": style.GREY, "marker": "^"},
    "stationary a to b": {"color": style.GREY, "marker": "v"},
    "other latents": {"color": style.GREY, "marker": "x"},
}


def correlation(shards: list[pd.DataFrame]) -> Curve:
    """Return r_c, the correlation of samples of the same latents less the mean image, pooled over pixels and latents.

    Parameters
    ----------
    shards : list of DataFrame
        Agreement rows of one kind of pair, of several trainings.
    """

    import pandas as pd

    tables = [
        shard[shard["image"] >= 0].pivot_table(index="image", columns="quantity", values="value", observed=True)
        for shard in shards  # image -1 is what the closed form expects
    ]
    total = pd.concat(table[list(PARTS)] for table in tables).groupby(level=0).sum()
    inner, first, second = (bootstrap.pool(total[[part]].to_numpy().T, "latents") for part in PARTS)
    return curves.curve(np.zeros(1), formulas.correlation(inner, first, second))


def first_pair(cells: list[Cell]) -> tuple[Cell, Cell]:
    """Return the first cell of each half."""
    first, second = (next(cell for cell in cells if cell.half == half) for half in "ab")
    return first, second


def pairs(data: FigureData, cells: list[Cell]) -> Iterator[tuple[str, Curve]]:
    """Yield each kind of pair with its r_c: between halves, to the own Gaussian, nulls, and of other latents.

    What needs half b is left out where there is none.
    """
    runs = [cell for cell in cells if cell.half == "a"]
    subset, other = runs[0].subset, f"{runs[0].subset[:-1]}b"
    shards = {cell: data.shard(cell.id, "agreement", data.index.solver(cell.id)) for cell in runs}
    found = {
        "network a to b": [s[s["reference_id"] == cell.id.replace(subset, other, 1)] for cell, s in shards.items()],
        "network to own Gaussian": [shard[shard["reference_id"] == f"{subset}/gaussian"] for shard in shards.values()],
        "other latents": [shard[shard["parameter"] == "shift"] for shard in shards.values()],
    }
    for kind, solver in (("gaussian", "exact"), ("empirical", data.index.sampler), ("stationary", data.index.sampler)):
        if data.has(f"{subset}/{kind}/agreement_{solver}.parquet"):
            shard = data.shard(f"{subset}/{kind}", "agreement", solver)
            name = "Gaussian" if kind == "gaussian" else kind
            found[f"{name} a to b"] = [shard[shard["reference_id"] == f"{other}/{kind}"]]
    for name in LOOKS:
        measured = [shard for shard in found.get(name, []) if len(shard)]
        if measured:
            yield name, correlation(measured)
