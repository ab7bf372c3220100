"""How alike samples of the same latents are: of two halves, of a network and its Gaussian, of nulls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import style
from hidden_gaussian.plotting.curves import Curve
from hidden_gaussian.plotting.figure_data import FigureData

LOOKS: dict[str, dict[str, Any]] = {
    "network a to b": {"color": style.NETWORK, "marker": "o"},
    "network to own Gaussian": {"color": style.GAUSSIAN, "marker": "s"},
    "Gaussian a to b": {"color": style.GREY, "marker": "D"},
    "empirical a to b": {"color": style.GREY, "marker": "^"},
    "stationary a to b": {"color": style.GREY, "marker": "v"},
    "other latents": {"color": style.GREY, "marker": "x"},
}


def first_pair(cells: list[Cell]) -> tuple[Cell, Cell]:
    """Return the first cell of each half."""
    first, second = (next(cell for cell in cells if cell.half == half) for half in "ab")
    return first, second


def pairs(data: FigureData, cells: list[Cell]) -> Iterator[tuple[str, Curve]]:
    """Yield each kind of pair with its r_c: between halves, to the own Gaussian, nulls, and of other latents.

    Pairs are averaged over replicates. What needs half b is left out where there is none.
    """
    runs = [cell for cell in cells if cell.half == "a"]
    networks, subset, solver = [cell.id for cell in runs], runs[0].subset, data.index.solver(runs[0].id)
    measured = {
        "network a to b": (networks, "other half", solver, None),
        "network to own Gaussian": (networks, "gaussian", solver, None),
        "Gaussian a to b": ([f"{subset}/gaussian"], "other half", "exact", None),
        "empirical a to b": ([f"{subset}/empirical"], "other half", data.index.sampler, None),
        "stationary a to b": ([f"{subset}/stationary"], "other half", data.index.sampler, None),
        "other latents": (networks, "itself", solver, "shift"),
    }
    for name, (ids, relation, sampler, parameter) in measured.items():
        curve = data.curve("r_c", ids, relation=relation, sampler=sampler, parameter=parameter)
        if len(curve):
            yield name, curve
