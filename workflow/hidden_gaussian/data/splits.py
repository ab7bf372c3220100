"""Held-out and training images: one seeded order, nested subsets, and disjoint halves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hidden_gaussian import seeding
from hidden_gaussian.cells import Subset
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
        All other images. Half a takes the first ones, half b the last ones.
    """

    heldout: np.ndarray
    order: np.ndarray


def split(
    images: np.ndarray, heldout: int, seed: int, *, found: Duplicates | None = None, key: str = "heldout"
) -> Split:
    """Choose held-out images and order the other ones; subsets are cut from both ends of this order.

    Held-out images have no duplicates. Images with duplicates end at the middle of the order: small subsets have none,
    and of two halves only half a has any.

    Parameters
    ----------
    images : ndarray of shape (image, channel, row, column), uint8
        All images of the source.
    heldout : int
        Number of held-out images.
    seed : int
        Root seed of the study.
    found : Duplicates, optional
        Duplicates among the images; default: they are searched for.
    key : str
        The setting of `heldout`, for errors.

    Raises
    ------
    InputError
        If there are too few images without duplicates, no training image would be left, or a half is too small for all
        images with duplicates.
    """
    members = np.array((found or duplicates.find(images)).members, np.int64)
    shuffled = seeding.numpy_stream(seed, "split").permutation(len(images)).astype(np.int64)
    singles = shuffled[~np.isin(shuffled, members)]
    if heldout > len(singles) or heldout >= len(images):
        raise InputError(
            f"{key}: {heldout} of {len(images)} images; expected at most the {len(singles)} without a duplicate, and "
            "at least one training image; hold out fewer"
        )
    aside, rest = singles[:heldout], singles[heldout:]
    middle = (len(rest) + len(members)) // 2
    if len(members) > middle:
        raise InputError(
            f"{key}: {len(members)} of {len(images)} images are equal or nearly equal to another; expected at most "
            f"{middle}, because half a must contain them all; remove copies, or set near_duplicates: false if they "
            "only look alike"
        )
    start = middle - len(members)
    return Split(aside, np.concatenate([rest[:start], members, rest[start:]]))


def check_heldout(found: Duplicates, count: int, *, key: str = "heldout") -> None:
    """Check that enough of the `count` images of a held-out source are not among the training images.

    Raises
    ------
    InputError
        If too few are left; it names the setting of the source, `key`.
    """
    left = count - len(found.heldout)
    if left < FEWEST_UNSEEN:
        raise InputError(
            f"{key}: {len(found.heldout)} of {count} images are also among the training images, which leaves {left}; "
            f"expected at least {FEWEST_UNSEEN}; hold out other images"
        )


def subset_indices(
    split: Split, size: int, half: str, *, apart: bool = False, key: str = "grid.runs.subset_sizes"
) -> np.ndarray:
    """Return the images of a subset: half a starts at the beginning of the order, half b at its end.

    A smaller subset of a half is the beginning of a larger one.

    Parameters
    ----------
    split, size : Split, int
        The order, and the number of images.
    half : {'a', 'b'}
    apart : bool
        Whether the other half of this size is needed too; the halves must share no image.
    key : str
        The setting of the size, for errors.

    Returns
    -------
    ndarray of shape (size,), int64
        Indices into the dataset's images.

    Raises
    ------
    InputError
        If there are too few images, or the halves would overlap.
    """
    total = len(split.order)
    if size > total:
        raise InputError(f"{key}: {size} training images; expected at most all {total} images; set a smaller size")
    if apart and 2 * size > total:
        raise InputError(
            f"{key}: halves a and b of {size} images each; expected at most {total // 2}, half of {total} images; set "
            "a smaller size or one half"
        )
    return {"a": split.order, "b": split.order[::-1]}[half][:size].copy()


def remainder(split: Split, size: int, found: Duplicates) -> np.ndarray:
    """Return the images in neither half of a size, without images that have duplicates; may be empty."""
    middle = split.order[size : max(len(split.order) - size, size)]
    return middle[~np.isin(middle, found.members)]


def save_split(path: str | Path, split: Split) -> None:
    """Write a split as ``.safetensors``."""
    save_tensors(path, {"heldout": split.heldout, "order": split.order})


def load_split(path: str | Path) -> Split:
    """Read a split; InputError if the file is absent, damaged or of another kind."""
    arrays = load_arrays(path)
    with holding(path, "a split"):
        return Split(arrays["heldout"], arrays["order"])


def load_subset(path: str | Path) -> np.ndarray:
    """Read the indices of a subset's images, int64.

    Raises
    ------
    InputError
        If the file is absent or damaged, or its folder is named after a subset of another size, such as ``n64a``.
    """
    indices = load_array(path)
    if indices.dtype != np.int64 or indices.ndim != 1 or (indices < 0).any():
        raise InputError(
            f"{path} is {indices.dtype} of shape {indices.shape}; expected indices of images; delete it and run again"
        )
    try:
        size = Subset.of_file(path).size
    except InputError:  # a file outside a results folder
        size = len(indices)
    if len(indices) != size:
        raise InputError(f"{path} has {len(indices)} indices; expected {size}; delete it and run again")
    return indices


def check_subset(indices: np.ndarray, total: int, path: str | Path) -> None:
    """Raise InputError if the file `path` has indices beyond the `total` number of images."""
    if len(indices) and indices.max() >= total:
        raise InputError(f"{path} has index {indices.max()}; expected less than {total}; delete it and run again")
