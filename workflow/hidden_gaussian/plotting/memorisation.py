"""How near samples are to training images: the memorised fraction, the GL score, and the images themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.cells import Cell
from hidden_gaussian.plotting import curves, image_grid
from hidden_gaussian.plotting.curves import Curve
from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.tables import is_copy

if TYPE_CHECKING:
    import pandas as pd


def wide(shard: pd.DataFrame) -> pd.DataFrame:
    """Return the quantities of a memorisation shard as columns, one row a sample."""
    return shard.pivot_table(index="image", columns="quantity", values="value", observed=True)


def memorised(samples: pd.DataFrame) -> Curve:
    """Return the share of samples that are copies of a training image, with Clopper and Pearson's interval."""
    copied = int(is_copy(samples["nearest"].to_numpy(), samples["second"].to_numpy()).sum())
    low, high = bootstrap.clopper_pearson(copied, len(samples))
    return Curve(*(np.array([number]) for number in (0.0, copied / len(samples), low, high)))


def gl_score(samples: pd.DataFrame) -> Curve:
    """Return the mean distance to the nearest training image relative to the sample's length (Li et al. eq. 14)."""
    relative = (samples["nearest"] / samples["norm"]).pow(0.5)
    return curves.mean(relative.to_frame(0.0), stream="latents")


@dataclass(frozen=True)
class Copying:
    """The two scores of a network, as printed beside its curve."""

    memorised: Curve
    gl: Curve
    null: float | None

    @classmethod
    def of(cls, data: FigureData, identifier: str) -> Copying:
        """Return the scores of a network's sample set, and the memorised fraction of photographs never trained on."""
        samples = wide(data.shard(identifier, "memorisation", data.index.solver(identifier)))
        subset = identifier.split("/")[0]
        null = None
        if data.has(f"{subset}/nulls/memorisation_photographs.parquet"):
            photographs = data.shard(f"{subset}/nulls", "memorisation", "photographs")
            null = float(memorised(wide(photographs[photographs["id"] == f"{subset}/heldout"])).value[0])
        return cls(memorised(samples), gl_score(samples), null)

    @property
    def memorises(self) -> bool:
        """Whether the memorised fraction surely exceeds that of photographs; never where there are none."""
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
    shard = data.shard(identifier, "memorisation", data.index.solver(identifier))
    indices = wide(shard)["nearest_index"].sort_index().to_numpy()[:count].astype(int)
    return image_grid.pixels(data.training_images(identifier.split("/")[0])[indices])
