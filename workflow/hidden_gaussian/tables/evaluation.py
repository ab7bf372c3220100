"""Evaluation of one metric: sums over images first, then the formula, with resamples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.errors import InputError
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.tables.formulas import Formula, Metric
from hidden_gaussian.tables.shard_arrays import Array, Block

Images = tuple[int | None, int | None, int | None] | None
"""Start, stop and step of the images used, by position; None for all."""


class Found(NamedTuple):
    """The measurements of one term of a formula.

    Attributes
    ----------
    blocks : tuple of Block
        Its quantities, on the same images.
    stream : str
        Name of the images that are resampled together.
    each : callable, optional
        Formula on the quantities of one image and draw, taken before pooling.
    mixed : bool
        Whether each value mixes an image with others of its block (:mod:`hidden_gaussian.statistics.mixing_blocks`).
    """

    blocks: tuple[Block, ...]
    stream: str
    each: Formula | None
    mixed: bool = False

    @property
    def images(self) -> NDArray[np.int32]:
        """Indices of the images."""
        return self.blocks[0].images


@dataclass(frozen=True)
class Pooled:
    """A metric at some noise levels, or at places on a further axis.

    Attributes
    ----------
    sigma : ndarray of shape (levels,)
        Noise levels or places; NaN for a metric without either.
    values : ndarray of shape (levels, POOLED)
        The estimate, its resamples, and its values without each group of images.
    count : int
        Number of images or samples that were pooled.
    has_interval : bool
        Whether the resamples give an interval.

    Examples
    --------
    >>> Pooled(np.array([0.5]), np.full((1, bootstrap.POOLED), 0.25), 64, True).values[:, 0]
    array([0.25])
    """

    sigma: Array
    values: Array
    count: int
    has_interval: bool


@dataclass(frozen=True)
class Selection:
    """Which noise levels and images are pooled.

    Attributes
    ----------
    sigmas : collection of float, optional
        Levels whose sums are averaged before any ratio is taken; default: each level on its own.
    images : slice, optional
        Positions of the images to use; default: all.
    """

    sigmas: Collection[float] | None = None
    images: slice | None = None

    def allows(self, parameter: str | None) -> bool:
        """Return whether a metric with a further axis is selected: only levels on their own have one."""
        return self.sigmas is None or parameter is None


EVERYTHING = Selection()


def mean(parts: Sequence[Pooled]) -> Pooled:
    """Return the mean of one metric over halves and replicates, at the places they share.

    Each ratio is taken before the mean. All denoisers share their resamples, so images stay paired.
    """
    first, *others = parts
    shared = [place for place in first.sigma if all(_at(place, other.sigma).any() for other in others)]
    values = [part.values[[int(np.argmax(_at(place, part.sigma))) for place in shared]] for part in parts]
    count = min(part.count for part in parts)
    return Pooled(np.array(shared), np.mean(values, axis=0), count, all(part.has_interval for part in parts))


def _at(place: float, places: Array) -> NDArray[np.bool_]:
    return np.isclose(places, place, rtol=0, atol=0, equal_nan=True)


def evaluate(terms: Sequence[Found], metric: Metric, pixels: int, selection: Selection = EVERYTHING) -> Pooled | None:
    """Return a metric and its resamples at the noise levels that its terms share.

    Returns
    -------
    Pooled or None
        None where there is no such level, or where one of the selected levels is not there.

    Raises
    ------
    InputError
        If terms that must be paired were measured on different images.
    """
    sigma = _shared_levels(terms)
    if selection.sigmas is not None:
        wanted = np.array(sorted(selection.sigmas))
        if not np.isin(wanted, sigma).all():
            return None
        sigma = wanted
    if not len(sigma):
        return None
    _check_pairing(terms)
    scale = 1 / pixels if metric.per_pixel else 1.0
    chosen = selection.images
    images = None if chosen is None else (chosen.start, chosen.stop, chosen.step)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = [_pool(term, tuple(sigma), scale, selection.sigmas is not None, images) for term in terms]
        values = np.asarray(metric.formula(*pooled))
    values = np.where(np.isfinite(values), values, np.nan)  # nothing over nothing
    values = np.broadcast_to(values, (len(values), bootstrap.POOLED))
    if selection.sigmas is not None:
        sigma = np.array([np.nan])
    count = len(terms[0].images[selection.images or slice(None)])
    first = terms[0].blocks[0]
    return Pooled(sigma, values, count, first.is_per_image or first.is_resampled)


def _shared_levels(terms: Sequence[Found]) -> Array:
    first, *others = (block.sigma for term in terms for block in term.blocks)
    kept = np.ones(len(first), dtype=bool)
    for other in others:
        kept &= np.isin(first, other) | (np.isnan(first) & np.isnan(other).any())
    levels: Array = first[kept]
    return levels


def _check_pairing(terms: Sequence[Found]) -> None:
    images: dict[str, NDArray[np.int32]] = {}
    for term in terms:
        for block in term.blocks:
            other = images.setdefault(term.stream, block.images)
            if not np.array_equal(other, block.images):
                raise InputError(
                    f"measurements on '{term.stream}' have {len(other)} and {len(block.images)} images where they have "
                    "to share them: delete the shards of both and run again"
                )


@lru_cache(maxsize=256)
def _pool(term: Found, sigma: tuple[float, ...], scale: float, together: bool, images: Images) -> Array:
    """Return a term with its resamples: (levels, POOLED), or (1, POOLED) where levels are averaged together.

    Cached: every resampling is a matrix product, and one norm divides many distances.
    """
    arrays = [scale * block.values[np.searchsorted(block.sigma, sigma)] for block in term.blocks]
    combined: Array = arrays[0] if term.each is None else term.each(*arrays)
    if term.blocks[0].is_resampled:
        return combined[:, 0]
    per_image: Array = combined.mean(axis=2)
    stream = term.stream
    if together:
        per_image = per_image.mean(axis=0, keepdims=True)
    if images is not None:
        chosen = slice(*images)
        per_image, stream = per_image[:, chosen], f"{stream}/{chosen}"
    if not term.blocks[0].is_per_image:
        return per_image  # one number, the same in every resample
    return bootstrap.pool(per_image, stream, mixed=term.mixed)
