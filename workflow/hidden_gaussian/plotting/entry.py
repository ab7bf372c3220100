"""What one figure is: its title, what a study must have for it, and the files that it is drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hidden_gaussian.cells import Cell, is_levelwise
from hidden_gaussian.results_index import ResultsIndex

Needs = Callable[[ResultsIndex], list[str]]
"""Takes the index of a dataset; returns paths below the dataset's folder."""

HALVES = ("halves_large", "halves_small", "halves_stopped", "halves_small_scale")
PARAMETERS = ("size", "scale", "time")
EXTREMES = ("empirical", "identity")  # nulls drawn for the smallest subset too, since they change most with N
PAIRED = ("halves_large", "halves_small")  # sweeps of halves trained to the end, at their full scale
BASELINES = ("ve", "ve-baseline")
REQUIRED_SETTINGS = {
    "measured_references": "measures.references",
    "alphas": "second weight in measures.alphas",
    "distilled": "linear maps of both ends of grid.sweeps.size in distillation.cells and inputs",
    "gradient_descent": "distillation.solver adam for both ends of grid.sweeps.size",
    "splice_cells": "sampling.splice",
    "jacobian_cells": "measures.jacobian",
    "surrogates": "dataset of surrogates with a size sweep (source.of)",
}
"""Fields of the index that are empty by default, and the settings that fill them."""


@dataclass(frozen=True)
class Entry:
    """One figure: its title, its number in the paper, and what it is drawn from.

    Attributes
    ----------
    title, paper : str
        Its title in the report, and its number in the paper.
    sweeps : tuple of str
        Sweeps without which there is no figure.
    needs : callable
        Takes the index of a dataset; returns paths below the dataset's folder.
    metrics : tuple of str
        Names of the tables' metrics that it draws; none where it shows images alone.
    also : tuple of str
        Optional sweeps: shown if the study has them, else marked as absent.
    inputs : tuple of str
        Kinds of clean image without which there is no figure.
    architectures : tuple of str
        An architecture of the architecture sweep must begin with one of these.
    requires : str
        Field of the index that must not be empty, one of :data:`REQUIRED_SETTINGS`.
    """

    title: str
    paper: str
    sweeps: tuple[str, ...]
    needs: Needs
    metrics: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    requires: str = ""

    def lacks(self, index: ResultsIndex) -> list[str]:
        """Return the settings that a dataset lacks for this figure, as a user would write them."""
        absent = [f"grid.sweeps.{sweep}" for sweep in self.sweeps if sweep not in index.sweeps]
        absent += [f"'{kind}' in measures.inputs, and such images" for kind in self.inputs if kind not in index.inputs]
        present = [cell.architecture for cell in index.cells("architecture")]
        if self.architectures and present and not any(name.startswith(self.architectures) for name in present):
            absent.append(f"an architecture {' or '.join(self.architectures)} in grid.sweeps.architecture")
        if self.requires and not getattr(index, self.requires):
            absent.append(REQUIRED_SETTINGS[self.requires])
        return absent


def first_replicates(cells: list[Cell]) -> list[Cell]:
    """Return the first replicate of each network and checkpoint: a file if there is one, else the first training."""
    first: dict[tuple[str, str, int, int], int] = {}
    for cell in cells:
        network = (cell.subset, cell.architecture, cell.scale, cell.images_seen)
        first[network] = min(cell.replicate, first.get(network, cell.replicate))
    return [
        cell for cell in cells if cell.replicate == first[cell.subset, cell.architecture, cell.scale, cell.images_seen]
    ]


def shown(cells: list[Cell]) -> list[Cell]:
    """Return the cells whose samples are shown: the first replicate of half a."""
    return [cell for cell in first_replicates(cells) if cell.half == "a"]


def whole(index: ResultsIndex) -> list[Cell]:
    """Return the cells of the size sweep, and those of pairs of halves whose network differs only in its subset."""
    first = index.cells("size")[0]
    network = (first.architecture, first.scale, first.images_seen)
    cells = index.cells("size", *PAIRED)
    return [cell for cell in cells if (cell.architecture, cell.scale, cell.images_seen) == network]


def untrained(index: ResultsIndex) -> list[Cell]:
    """Return the untrained network of the most training images, if the study keeps one."""
    cells = [cell for cell in index.all_cells if not cell.images_seen]
    return sorted(cells, key=lambda cell: (cell.subset_size, cell.scale, cell.half == "a"))[-1:]


def alike(index: ResultsIndex) -> list[Cell]:
    """Return the cells of the training clock: those of the time sweep's architecture and scale.

    Every checkpoint of a size has the same runs: those with as many checkpoints as any run of half a, whose samples
    are shown.
    """
    first = index.cells("time")[0]
    cells = index.cells("time", "clock", "size")
    cells = [cell for cell in cells if (cell.architecture, cell.scale) == (first.architecture, first.scale)]
    checkpoints: dict[Cell, set[int]] = {}
    for cell in cells:
        checkpoints.setdefault(replace(cell, images_seen=0), set()).add(cell.images_seen)
    most: dict[int, set[int]] = {}
    for run, seen in sorted(checkpoints.items()):
        if run.half == "a":
            most[run.subset_size] = max(most.get(run.subset_size, set()), seen, key=len)
    return [cell for cell in cells if checkpoints[replace(cell, images_seen=0)] == most[cell.subset_size]]


def is_edm(architecture: str) -> bool:
    """Return whether an architecture is one of EDM's, with its preconditioning and all noise levels in one network."""
    return architecture in ("ve", "vp", "adm")


def of_one_level(architecture: str) -> bool:
    """Return whether an architecture is a denoising autoencoder, or one that autoencoders are compared with."""
    return is_levelwise(architecture) or is_edm(architecture)


def of_architectures(index: ResultsIndex, wanted: Callable[[str], bool]) -> ResultsIndex:
    """Return the index of those architectures of the architecture sweep that a figure shows."""
    chosen = [cell.id for cell in index.cells("architecture") if wanted(cell.architecture)]
    return replace(index, sweeps={"architecture": chosen})
