"""Gates, the preconditions of claims: without them an untrained network passes claims about agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from hidden_gaussian.cells import Cell
from hidden_gaussian.statistics import bootstrap


class Evidence(Protocol):
    """The evidence that a gate needs: losses over the window, and memorised fractions."""

    def in_window(self, metric: str, identifier: str, **place: Any) -> Any:
        """Return a metric over the window with its resamples."""

    def memorised(self, ids: Sequence[str]) -> Any:
        """Return a memorised fraction with its interval."""


T = "T: training loss below the Gaussian denoiser's"
Q = "Q: upper end of held-out loss / the Gaussian denoiser's below 1"
M = "M: memorised fraction above the held-out rate"


def is_trained(evidence: Evidence, cells: Sequence[Cell]) -> bool:
    """Return whether gate T is met: over the window, each training loss is below the Gaussian denoiser's."""
    return all(
        evidence.in_window("loss_ratio", cell.id, inputs="train", reference_id=f"{cell.subset}/gaussian")[0] < 1
        for cell in cells
    )


def beats_gaussian(evidence: Evidence, cells: Sequence[Cell]) -> bool:
    """Return whether gate Q is met: over the window, the interval of each held-out loss lies below the Gaussian's."""
    ratios = [evidence.in_window("loss_ratio", cell.id, reference_id=f"{cell.subset}/gaussian") for cell in cells]
    return all(bootstrap.intervals(ratio)[1] < 1 for ratio in ratios)


def memorises(evidence: Evidence, cell: Cell) -> bool:
    """Return whether the lower end of the memorised fraction exceeds the rate of held-out photographs."""
    rate = evidence.memorised([f"{cell.subset}/heldout"]).value
    return bool(evidence.memorised([cell.id]).interval()[0] > rate)


def all_memorise(evidence: Evidence, cells: Sequence[Cell]) -> bool:
    """Return whether gate M is met: every cell memorises."""
    return all(memorises(evidence, cell) for cell in cells)
