"""The swept parameter of a sweep, and the networks that share a value of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hidden_gaussian.cells import Cell, largest, smallest
from hidden_gaussian.plotting.entry import shown
from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.plotting.memorisation import Copying
from hidden_gaussian.results_index import ResultsIndex

Place = int | str
Groups = dict[Any, list[Cell]]


@dataclass(frozen=True)
class SweepAxis:
    """A parameter of the grid, and the sweep in which it varies.

    Attributes
    ----------
    sweep, label : str
        Name of the sweep, and axis label of the parameter.
    value : callable
        Cell in, parameter out.
    """

    sweep: str
    label: str
    value: Callable[[Cell], Place]

    def groups(self, index: ResultsIndex) -> Groups:
        """Return the cells of the sweep by parameter: halves and replicates of one place together."""
        groups: Groups = {}
        for cell in sorted(index.cells(self.sweep), key=lambda cell: (self.value(cell), cell)):
            groups.setdefault(self.value(cell), []).append(cell)
        return groups


SIZE = SweepAxis("size", "training images $N$", lambda cell: cell.subset_size)
SCALE = SweepAxis("scale", "base channels", lambda cell: cell.scale)
TIME = SweepAxis("time", "images seen", lambda cell: cell.images_seen)
ARCHITECTURE = SweepAxis("architecture", "architecture", lambda cell: cell.architecture)


def ids(cells: list[Cell]) -> list[str]:
    """Return the ids of cells."""
    return [cell.id for cell in cells]


def copying(data: FigureData, cells: list[Cell]) -> Copying:
    """Return the memorised fraction and the GL score of the cell whose samples are shown for a group."""
    return Copying.of(data, shown(cells)[0].id)


def spaced(groups: Groups, most: int) -> Groups:
    """Return at most `most` of the groups, evenly spaced, with the first and the last."""
    places = list(groups)
    if len(places) <= most:
        return groups
    chosen = np.linspace(0, len(places) - 1, most).round().astype(int)
    return {places[index]: groups[places[index]] for index in chosen}


def subsets(groups: Groups) -> tuple[list[str], list[str]]:
    """Return the subsets of the smallest size of a sweep, and those of the largest: both halves where it has both."""
    everything = [cell for cells in groups.values() for cell in cells]
    few, many = smallest(everything), largest(everything)
    return list(dict.fromkeys(cell.subset for cell in few)), list(dict.fromkeys(cell.subset for cell in many))


def references(subsets: list[str], kind: str) -> list[str]:
    """Return the ids of a reference denoiser of some subsets."""
    return [f"{subset}/{kind}" for subset in subsets]
