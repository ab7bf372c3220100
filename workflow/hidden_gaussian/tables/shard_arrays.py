"""Shards as arrays of shape (noise level, image, draw), one for each quantity and place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gaussian.statistics import bootstrap

Array = NDArray[np.float64]


class Place(NamedTuple):
    """One kind of measurement of one denoiser: the columns of a shard except sigma, image and draw."""

    id: str
    quantity: str
    reference_id: str | None = None
    inputs: str | None = None
    sampler: str | None = None
    parameter: str | None = None
    at: float | None = None

    @property
    def stream(self) -> str:
        """Name of the images that are resampled together: a kind of input, photographs, or samples of latents."""
        if self.inputs is not None:
            return self.inputs
        return bootstrap.stream_of(self.sampler)


@dataclass(frozen=True, eq=False)
class Block:
    """All values of one place.

    Attributes
    ----------
    sigma : ndarray of shape (levels,)
        Ascending; one NaN where there is no noise level.
    images : ndarray of shape (images,)
        Indices, ascending; one -1 where values are not per image.
    values : ndarray of shape (levels, images, draws)
        NaN where a row is absent. Of a statistic that is no sum over images, draw 0 is the estimate and the others are
        its resamples by the weights of :func:`hidden_gaussian.statistics.bootstrap.weights`.
    """

    sigma: Array
    images: NDArray[np.int32]
    values: Array

    @property
    def is_per_image(self) -> bool:
        """Whether there is a value for each image, so that images can be resampled."""
        return bool(self.images[0] >= 0)

    @property
    def is_resampled(self) -> bool:
        """Whether the draws are a statistic of all images and its resamples."""
        return not self.is_per_image and self.values.shape[2] == bootstrap.POOLED


def blocks_at(measured: Mapping[Place, Block], place: Place, quantities: Sequence[str]) -> tuple[Block, ...]:
    """Return the blocks of several quantities of one place; empty if one of them was not measured.

    A norm or a loss needs no reference, and many quantities do not change along a further axis. So each quantity is
    looked up with the place's reference and its position on the axis, then without one of them, then without both.
    """
    found = []
    for quantity in quantities:
        candidates = (
            place._replace(quantity=quantity, reference_id=reference, parameter=parameter, at=at)
            for reference in (place.reference_id, None)
            for parameter, at in ((place.parameter, place.at), (None, None))
        )
        block = next((measured[candidate] for candidate in candidates if candidate in measured), None)
        if block is None:
            return ()
        found.append(block)
    return tuple(found)


def blocks(frame: pd.DataFrame) -> Iterator[tuple[Place, Block]]:
    """Yield the blocks of shard rows, in no particular order.

    Parameters
    ----------
    frame : DataFrame
        With the columns of ``schemas.SHARD``; a place's column that is left out counts as absent.
    """
    frame = frame.assign(**{name: None for name in Place._fields if name not in frame})
    groups = frame.groupby(list(Place._fields), observed=True, dropna=False, sort=False)
    columns = {name: frame[name].to_numpy() for name in ("sigma", "image", "draw", "value")}
    for key, rows in groups.indices.items():
        yield _place(key), _block({name: column[rows] for name, column in columns.items()})


def _place(key: Any) -> Place:
    return Place._make(None if pd.isna(part) else part for part in key)


def _block(columns: dict[str, NDArray[Any]]) -> Block:
    sigma, level = np.unique(columns["sigma"], return_inverse=True)
    images, image = np.unique(columns["image"], return_inverse=True)
    draws, draw = np.unique(columns["draw"], return_inverse=True)
    values = np.full((len(sigma), len(images), len(draws)), np.nan)
    values[level, image, draw] = columns["value"]
    return Block(sigma, images, values)
