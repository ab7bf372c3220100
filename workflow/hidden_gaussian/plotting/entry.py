"""What one figure is: its caption, what a study must have for it, and the files that it is drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hidden_gaussian.cells import Cell
from hidden_gaussian.results_index import ResultsIndex

HALVES = ("halves_large", "halves_small", "halves_stopped", "halves_small_scale")
VARIED = ("size", "scale", "time")
EXTREMES = ("empirical", "identity")  # nulls drawn for the smallest subset too, since they change most with N
PAIRED = ("halves_large", "halves_small")  # sweeps of halves trained to the end, at their full scale
BASELINES = ("ve", "ve-baseline")
ASKED = {
    "measured": "measures.references",
    "alphas": "second weight in measures.alphas",
    "distilled": "linear maps of both ends of grid.sweeps.size in distillation.cells and inputs",
    "descended": "distillation.solver adam for both ends of grid.sweeps.size",
    "spliced": "sampling.splice",
    "sloped": "measures.jacobian",
    "imitations": "dataset of surrogates with a size sweep (source.of)",
}
"""Fields of the plan that are empty unless the settings ask for more, and what would fill them."""


@dataclass(frozen=True)
class Entry:
    """One figure: what it is called, where the paper has it, what it is drawn from.

    Attributes
    ----------
    title, paper : str
        Its caption in the report, and its number in the paper.
    sweeps : tuple of str
        Sweeps without which there is no figure.
    needs : callable
        ResultsIndex in, files below the dataset's folder out.
    also : tuple of str
        Sweeps that are shown if they are there, and marked as absent if not.
    inputs : tuple of str
        Kinds of clean image without which there is no figure.
    architectures : tuple of str
        What an architecture of the architecture sweep must begin with: one of these.
    asked : str
        Field of the plan that must not be empty, one of :data:`ASKED`.
    """

    title: str
    paper: str
    sweeps: tuple[str, ...]
    needs: Callable[[ResultsIndex], list[str]]
    also: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    asked: str = ""

    def lacks(self, plan: ResultsIndex) -> list[str]:
        """Return the settings that a dataset lacks for this figure, as a user would write them."""
        absent = [f"grid.sweeps.{sweep}" for sweep in self.sweeps if sweep not in plan.sweeps]
        absent += [f"'{kind}' in measures.inputs, and such images" for kind in self.inputs if kind not in plan.inputs]
        present = [cell.architecture for cell in plan.cells("architecture")]
        if self.architectures and present and not any(name.startswith(self.architectures) for name in present):
            absent.append(f"an architecture {' or '.join(self.architectures)} in grid.sweeps.architecture")
        if self.asked and not getattr(plan, self.asked):
            absent.append(ASKED[self.asked])
        return absent


def first_replicates(cells: list[Cell]) -> list[Cell]:
    """Return the first replicate of each network and snapshot: a file where there is one, else the first training."""
    first: dict[tuple[str, str, int, int], int] = {}
    for cell in cells:
        place = (cell.subset, cell.architecture, cell.scale, cell.images_seen)
        first[place] = min(cell.replicate, first.get(place, cell.replicate))
    return [
        cell for cell in cells if cell.replicate == first[cell.subset, cell.architecture, cell.scale, cell.images_seen]
    ]


def shown(cells: list[Cell]) -> list[Cell]:
    """Return the cells whose samples stand for their halves and replicates: half a, first replicate."""
    return [cell for cell in first_replicates(cells) if cell.half == "a"]


def whole(plan: ResultsIndex) -> list[Cell]:
    """Return the cells of the size sweep, and those of pairs of halves whose network differs in its subset alone."""
    first = plan.cells("size")[0]
    network = (first.architecture, first.scale, first.images_seen)
    cells = plan.cells("size", *PAIRED)
    return [cell for cell in cells if (cell.architecture, cell.scale, cell.images_seen) == network]


def untrained(plan: ResultsIndex) -> list[Cell]:
    """Return the network with the most training images that was kept before it saw any, if there is one."""
    cells = [cell for cell in plan.every if not cell.images_seen]
    return sorted(cells, key=lambda cell: (cell.subset_size, cell.scale, cell.half == "a"))[-1:]


def alike(plan: ResultsIndex) -> list[Cell]:
    """Return the cells of the training clock: those of the architecture and the scale of the time sweep.

    Of each size the same runs at every snapshot: those that have as many as any of half a, whose samples are shown.
    """
    first = plan.cells("time")[0]
    cells = plan.cells("time", "clock", "size")
    cells = [cell for cell in cells if (cell.architecture, cell.scale) == (first.architecture, first.scale)]
    snapshots: dict[Cell, set[int]] = {}
    for cell in cells:
        snapshots.setdefault(replace(cell, images_seen=0), set()).add(cell.images_seen)
    most: dict[int, set[int]] = {}
    for run, seen in sorted(snapshots.items()):
        if run.half == "a":
            most[run.subset_size] = max(most.get(run.subset_size, set()), seen, key=len)
    return [cell for cell in cells if snapshots[replace(cell, images_seen=0)] == most[cell.subset_size]]


def is_edm(architecture: str) -> bool:
    """Return whether an architecture is one of EDM's, with its preconditioning and all noise levels in one network."""
    return architecture in ("ve", "vp", "adm")


def of_one_level(architecture: str) -> bool:
    """Return whether an architecture is a denoising autoencoder, or one that such a one is shown beside."""
    return architecture.startswith("dae-") or is_edm(architecture)


def of_architectures(plan: ResultsIndex, wanted: Callable[[str], bool]) -> ResultsIndex:
    """Return the plan of those architectures of the architecture sweep that a figure shows."""
    chosen = [cell.id for cell in plan.cells("architecture") if wanted(cell.architecture)]
    return replace(plan, sweeps={"architecture": chosen})
