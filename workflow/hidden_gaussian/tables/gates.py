"""What must hold before a claim is judged, so that an untrained network does not pass for an agreeing one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from hidden_gaussian.cells import Cell
from hidden_gaussian.statistics import bootstrap


class Evidence(Protocol):
    """What a gate asks for: losses over the window, and counts of copies."""

    def in_window(self, metric: str, identifier: str, **place: Any) -> Any:
        """Return a metric over the window with its resamples."""

    def memorised(self, ids: Sequence[str]) -> Any:
        """Return a memorised fraction with its interval."""


T = "T: training loss below the Gaussian denoiser's"
Q = "Q: upper end of held-out loss / the Gaussian denoiser's below 1"
M = "M: memorised fraction above the held-out rate"


def is_trained(evidence: Evidence, cells: Sequence[Cell]) -> bool:
    """Gate T: over the window, every cell's loss on its training images is below its Gaussian denoiser's."""
    return all(
        evidence.in_window("loss_ratio", cell.id, inputs="train", reference_id=f"{cell.subset}/gaussian")[0] < 1
        for cell in cells
    )


def beats_gaussian(evidence: Evidence, cells: Sequence[Cell]) -> bool:
    """Gate Q: over the window, each loss on images not trained on is below the Gaussian's, interval and all."""
    ratios = [evidence.in_window("loss_ratio", cell.id, reference_id=f"{cell.subset}/gaussian") for cell in cells]
    return all(bootstrap.intervals(ratio)[1] < 1 for ratio in ratios)


def memorises(evidence: Evidence, cell: Cell) -> bool:
    """Whether the lower end of the memorised fraction is above the rate that held-out photographs have."""
    rate = evidence.memorised([f"{cell.subset}/heldout"]).value
    return bool(evidence.memorised([cell.id]).interval()[0] > rate)


def all_memorise(evidence: Evidence, cells: Sequence[Cell]) -> bool:
    """Gate M: :func:`memorises` of every cell."""
    return all(memorises(evidence, cell) for cell in cells)
