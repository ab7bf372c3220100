"""Which images are held out, and which are trained on: one seeded order, nested subsets, and halves apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hidden_gaussian import seeding
from hidden_gaussian.data import duplicates
from hidden_gaussian.data.duplicates import Duplicates
from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import FEWEST_UNSEEN
from hidden_gaussian.storage import holding, load_array, load_arrays, save_tensors


@dataclass(frozen=True)
class Split:
    """The one order of a dataset's images.

    Attributes
    ----------
    heldout : ndarray of int64
        Images that are never trained on.
    order : ndarray of int64
        The others. Half a takes the first ones, half b the last ones.
    """

    heldout: np.ndarray
    order: np.ndarray


def split(
    images: np.ndarray, heldout: int, seed: int, *, found: Duplicates | None = None, key: str = "heldout"
) -> Split:
    """Set held-out images aside and put the others in the order that subsets are cut from.

    Held-out images have no duplicates. Those that have are put together and end at the middle of the order,
    so that small subsets hold none, and of two halves only a does.

    Parameters
    ----------
    images : ndarray of shape (image, channel, row, column), uint8
        All images of the source.
    heldout : int
        How many to set aside.
    seed : int
        Root seed of the study.
    found : Duplicates, optional
        Those among the images; default: they are looked for.
    key : str
        The setting that gives `heldout`, for the error.

    Raises
    ------
    InputError
        If there are not enough images without duplicates to hold out, or none would be left; or if a half has no room
        for those that have duplicates.
    """
    members = np.array((found or duplicates.find(images)).members, np.int64)
    shuffled = seeding.numpy_stream(seed, "split").permutation(len(images)).astype(np.int64)
    singles = shuffled[~np.isin(shuffled, members)]
    if heldout > len(singles) or heldout >= len(images):
        raise InputError(
            f"{key} asks to hold out {heldout} images, but of the {len(images)} images only {len(singles)} "
            "have no duplicate, and one at least must remain to train on: hold out fewer"
        )
    aside, rest = singles[:heldout], singles[heldout:]
    room = (len(rest) + len(members)) // 2
    if len(members) > room:
        raise InputError(
            f"{len(members)} of the {len(images)} images are equal or nearly equal to another, but where {key} is "
            f"{heldout} one half has room for {room}, and the other would hold copies of them: remove copies until at "
            "most so many are left; if they are no copies but alike, near_duplicates: false counts equal ones only"
        )
    start = room - len(members)
    return Split(aside, np.concatenate([rest[:start], members, rest[start:]]))


def check_heldout(found: Duplicates, count: int, *, key: str = "heldout") -> None:
    """Refuse a held-out source of `count` images when too few of them are not among the training images.

    Raises
    ------
    InputError
        Naming the setting that gives the source, `key`.
    """
    left = count - len(found.heldout)
    if left < FEWEST_UNSEEN:
        raise InputError(
            f"{key}: of its {count} images {len(found.heldout)} are also among the training images, which leaves "
            f"{left}; expected at least {FEWEST_UNSEEN} that are not: hold out other images"
        )


def subset_indices(
    split: Split, size: int, half: str, *, apart: bool = False, key: str = "grid.runs.subset_sizes"
) -> np.ndarray:
    """Return a subset's images: half a begins at the front of the order, half b at its end.

    A smaller subset of a half is the beginning of a larger one.

    Parameters
    ----------
    split, size : Split, int
        The order, and how many images.
    half : {'a', 'b'}
        Which end.
    apart : bool
        Whether the other half of this size is wanted too: they must share no image.
    key : str
        The setting that asks for the size, for the error.

    Returns
    -------
    ndarray of shape (size,), int64
        Indices into the dataset's images.

    Raises
    ------
    InputError
        If there are not so many images, or the halves would overlap.
    """
    total = len(split.order)
    if size > total:
        raise InputError(f"{key} asks for {size} training images, but there are {total}: ask for at most {total}")
    if apart and 2 * size > total:
        raise InputError(
            f"{key} asks for halves a and b of {size} images each, but {total} images give two disjoint "
            f"halves of at most {total // 2}: ask for fewer or for one half"
        )
    return {"a": split.order, "b": split.order[::-1]}[half][:size].copy()


def remainder(split: Split, size: int, found: Duplicates) -> np.ndarray:
    """Return the images in neither half of a size, without those that have duplicates; may be empty."""
    middle = split.order[size : max(len(split.order) - size, size)]
    return middle[~np.isin(middle, found.members)]


def save_split(path: str | Path, split: Split) -> None:
    """Write a split as ``.safetensors``."""
    save_tensors(path, {"heldout": split.heldout, "order": split.order})


def load_split(path: str | Path) -> Split:
    """Read a split; InputError if it is absent, damaged or another kind of file."""
    arrays = load_arrays(path)
    with holding(path, "a split"):
        return Split(arrays["heldout"], arrays["order"])


def load_subset(path: str | Path) -> np.ndarray:
    """Read which images a subset has, int64; InputError if absent, damaged or not as many as its folder's name says."""
    indices = load_array(path)
    if indices.dtype != np.int64 or indices.ndim != 1 or (indices < 0).any():
        raise InputError(
            f"{path} is {indices.dtype} of shape {indices.shape}, expected numbers of images: delete it and run again"
        )
    named = re.fullmatch(r"n(\d+)[ab]", Path(path).parent.name)
    if named and len(indices) != int(named.group(1)):
        raise InputError(f"{path} names {len(indices)} images, expected {named.group(1)}: delete it and run again")
    return indices


def check_subset(indices: np.ndarray, total: int, path: str | Path) -> None:
    """Refuse images beyond the `total` that there are; InputError names the file, `path`, that names them."""
    if len(indices) and indices.max() >= total:
        raise InputError(f"{path} names image {indices.max()} of {total}: delete it and run again")
