"""How near samples are to training images: the memorised fraction, the GL score, and the images themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.cells import Cell, DenoiserId
from hidden_gaussian.plotting import image_grid
from hidden_gaussian.plotting.curves import Curve
from hidden_gaussian.plotting.figure_data import FigureData


@dataclass(frozen=True)
class Copying:
    """The two scores of a network, as printed beside its curve, and the memorised fraction of its negative control."""

    memorised: Curve
    gl: Curve
    null: float | None

    @classmethod
    def of(cls, data: FigureData, identifier: str) -> Copying:
        """Return the scores of a network's sample set, and the fraction of photographs that it was not trained on."""
        solver = data.index.solver(identifier)
        memorised, gl = (data.curve(name, identifier, sampler=solver) for name in ("memorised_fraction", "gl_score"))
        control = f"{DenoiserId.parse(identifier).subset.id}/heldout"
        null = data.curve("memorised_fraction", control, sampler="photographs")
        return cls(memorised, gl, float(null.value[0]) if len(null) else None)

    @property
    def memorises(self) -> bool:
        """Whether the interval of the memorised fraction lies above that of photographs; never without these."""
        return self.null is not None and bool(self.memorised.low[0] > self.null)

    @property
    def text(self) -> str:
        """Both scores in a few letters."""
        return f"{100 * self.memorised.value[0]:.0f} %, {self.gl.value[0]:.2f}"


def judged(scores: Iterable[Copying], mark: str) -> str:
    """Return what a legend says of the mark of networks that memorise; without photographs none has it."""
    return mark if any(score.null is not None for score in scores) else "memorising not judged"


def scored(data: FigureData, cell: Cell) -> str:
    """Return the number of training images of a network with both scores, for a title."""
    return rf"$N$ = {cell.subset_size:,} ($f_{{\mathrm{{mem}}}}$, GL: {Copying.of(data, cell.id).text})"


def nearest_images(data: FigureData, identifier: str, count: int) -> NDArray[np.float32]:
    """Return the training image nearest to each of a network's first samples, in [-1, 1]."""
    training = data.training_images(DenoiserId.parse(identifier).subset.id)
    return image_grid.pixels(training[data.nearest_indices(identifier)[:count]])
