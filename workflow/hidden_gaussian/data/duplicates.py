"""Equal and nearly equal images, which would put training images into the held-out images or the other half.

Two images are near duplicates if the root mean square of their pixel differences is at most CONTRAST_SHARE of their
contrast (the geometric mean of their pixels' standard deviations). Measured: among 10,000 faces five pairs show the
same photograph, with shares up to 0.187 at 64 pixels a side and 0.132 at 16; the next pairs have 0.359 and 0.213. The
nearest of the 50,000 training images of CIFAR-10 have 0.225. Below SMALLEST pixels a side different images can be as
near as copies (20 pairs of the 8x8 digits of scikit-learn have shares below 0.2); there only equal images count.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hidden_gaussian.pixels import HALF_RANGE
from hidden_gaussian.storage import load_json, save_json

CONTRAST_SHARE = 0.2
SMALLEST = 16
_GRID = 8
_TILE = 2048
_PAIRS = 256
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Duplicates:
    """Equal and nearly equal images.

    Attributes
    ----------
    groups : tuple of tuples of int
        Indices of images that are the same picture, in ascending order.
    heldout : tuple of (int, int)
        Index of an image of a separate held-out source, and of a training image equal or near to it.
    """

    groups: tuple[tuple[int, ...], ...] = ()
    heldout: tuple[tuple[int, int], ...] = ()

    @property
    def members(self) -> list[int]:
        """Indices of images that have a duplicate, group by group."""
        return [index for group in self.groups for index in group]

    def __str__(self) -> str:
        """Describe the numbers of duplicates."""
        return (
            f"{len(self.members)} images are equal or nearly equal to another, in {len(self.groups)} groups, and "
            f"{len(self.heldout)} images of a held-out source to a training image"
        )


def find(images: np.ndarray, heldout: np.ndarray | None = None, *, near: bool = True) -> Duplicates:
    """Find equal and nearly equal images.

    Parameters
    ----------
    images : ndarray of shape (image, channel, row, column), uint8
        May be memory-mapped; read in blocks.
    heldout : ndarray, optional
        Held-out images of a separate source, compared with `images` but not with each other.
    near : bool
        Whether nearly equal images count too; this search compares all pairs.
    """
    near = near and min(images.shape[-2:]) >= SMALLEST
    first: dict[bytes, int] = {}
    labels = np.array([first.setdefault(digest, index) for index, digest in enumerate(_digests(images))], np.int64)
    single = np.fromiter(first.values(), np.int64, len(first))
    if near:
        labels = _joined(labels, images, single)
    order = np.argsort(labels, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    groups = tuple(sorted(tuple(run.tolist()) for run in runs if len(run) > 1))
    if heldout is None:
        return Duplicates(groups)
    own = len(images)
    equal = [first.get(digest, own + index) for index, digest in enumerate(_digests(heldout))]
    labels = np.concatenate([np.arange(own), np.array(equal, np.int64)])
    if near:
        labels = _joined(labels, images, single, heldout)
    copies = np.flatnonzero(labels[own:] < own)
    return Duplicates(groups, tuple((int(copy), int(labels[own + copy])) for copy in copies))


def _digests(images: np.ndarray) -> list[bytes]:
    return [hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest() for image in images]


def _joined(labels: np.ndarray, images: np.ndarray, single: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """Return labels that are equal for near images: among `images`, or between `other` and `images`."""
    second, shift = (images, 0) if other is None else (other, len(images))
    rows = single if other is None else np.arange(len(other))
    left = _screen(images, single)
    right = left if other is None else _screen(second, rows)
    for top in range(0, len(single), _TILE):
        block = _forms(left[top : top + _TILE])
        for start in range(top if other is None else 0, len(rows), _TILE):
            near = np.argwhere(block @ right[start : start + _TILE].T >= 0)
            pairs = np.stack([single[top + near[:, 0]], rows[start + near[:, 1]]], 1)
            labels = _confirmed(labels, images, second, pairs, shift)
    return labels


def _screen(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return a row for each image: 8 x 8 block means m of its central grey pixels, contrast s, |m|^2, 1.

    Averages over blocks and channels never increase a mean square. With these scales |m - m'|^2 is at most the number
    of pixels times the mean square difference, and s s' is this number times the product of the standard deviations.
    Therefore every near pair passes the screen |m - m'|^2 <= CONTRAST_SHARE^2 s s'.
    """
    height, width = images.shape[-2:]
    block = min(height, width) // _GRID
    side = block * _GRID
    top, left = (height - side) // 2, (width - side) // 2
    screen = np.ones((len(chosen), _GRID**2 + 3), np.float32)
    for start in range(0, len(chosen), _PAIRS):
        pixels = images[chosen[start : start + _PAIRS]].astype(np.float32)
        rows = screen[start : start + _PAIRS]
        grey = pixels[:, :, top : top + side, left : left + side].mean(1) - HALF_RANGE
        means = grey.reshape(-1, _GRID, block, _GRID, block).mean((2, 4)).reshape(len(rows), -1)
        rows[:, :-3] = means * block
        rows[:, -3] = pixels.std((1, 2, 3)) * np.sqrt(height * width)
        rows[:, -2] = np.square(rows[:, :-3]).sum(1)
    return screen


def _forms(screen: np.ndarray) -> np.ndarray:
    """Return rows whose product with another row of a screen is CONTRAST_SHARE^2 s s' - |m - m'|^2.

    The product is slightly larger, so that rounding loses no pair.
    """
    means, contrast, square = screen[:, :-3], screen[:, -3:-2], screen[:, -2:-1]
    keep = np.float32(1 - _ROUNDING)
    return np.hstack([2 * means, CONTRAST_SHARE**2 * contrast, np.full_like(square, -keep), -keep * square])


def _confirmed(labels: np.ndarray, images: np.ndarray, other: np.ndarray, pairs: np.ndarray, shift: int) -> np.ndarray:
    """Return labels in which the pairs (image, other image) with near pixels are joined.

    Pairs with equal labels are skipped, so that many copies of one image cost little.
    """
    while len(pairs := pairs[labels[pairs[:, 0]] != labels[shift + pairs[:, 1]]]):
        now, pairs = pairs[:_PAIRS], pairs[_PAIRS:]
        x, y = images[now[:, 0]].astype(np.float32), other[now[:, 1]].astype(np.float32)
        bound = CONTRAST_SHARE**2 * x.std((1, 2, 3)) * y.std((1, 2, 3))
        for a, b in now[np.square(x - y).mean((1, 2, 3)) <= bound]:
            low, high = sorted((labels[a], labels[shift + b]))
            labels = np.where(labels == high, low, labels)
    return labels


def save(path: str | Path, duplicates: Duplicates) -> None:
    """Write groups, numbers of images and thresholds as JSON."""
    content = {
        "groups": duplicates.groups,
        "group_count": len(duplicates.groups),
        "image_count": len(duplicates.members),
        "heldout": duplicates.heldout,
        "heldout_count": len(duplicates.heldout),
        "contrast_share": CONTRAST_SHARE,
        "smallest_resolution": SMALLEST,
    }
    save_json(path, content)


def load(path: str | Path) -> Duplicates:
    """Read the duplicates; InputError if the file is absent or damaged."""
    content = load_json(path)
    groups = tuple(tuple(group) for group in content["groups"])
    return Duplicates(groups, tuple((copy, image) for copy, image in content["heldout"]))
