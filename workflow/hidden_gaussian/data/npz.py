"""Images in an .npz file: one uint8 array, read image by image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import archives

_CHANNELS = (1, 3, 4)
_LONE = b"\x93NUMPY"  # how an .npy file begins


def open_array(path: Path, name: str | None, key: str) -> tuple[int, Iterator[tuple[str, np.ndarray]]]:
    """Open an array: (image, row, column[, channel]) or (image, channel, row, column).

    Parameters
    ----------
    path : Path
        The .npz file.
    name : str, optional
        Which of its arrays; may be left out where there is one.
    key : str
        The setting that describes the source, for the errors.

    Returns
    -------
    int, iterator of (str, ndarray)
        How many images there are; their names and themselves, (row, column[, channel]).

    Raises
    ------
    InputError
        If the file or the array is missing, damaged, or no images.
    """
    _check_several(path, key)
    with archives.open_zip(path, f"{key}.path") as archive:
        held = [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]
        if name is None and len(held) != 1:
            raise InputError(f"{key}.name: {path} holds the arrays {held}; say which one has the images")
        chosen = name or held[0]
        if chosen not in held:
            raise InputError(f"{key}.name: {path} has no array '{chosen}'; it holds {held}")
        where = f"{key}.path: array '{chosen}' of {path}"
        with archives.open_entry(archive, f"{chosen}.npy", where) as file:
            shape = _shape(file, where)
    return shape[0], _rows(path, chosen, shape, key)


def _check_several(path: Path, key: str) -> None:
    if not path.is_file():
        raise InputError(f"{key}.path: {path} is not a file; give the path of an .npz file")
    with path.open("rb") as file:
        if file.read(len(_LONE)) == _LONE:
            raise InputError(f"{key}.path: {path} is a lone .npy array; expected an .npz: save it by numpy.savez")


def _shape(file: IO[bytes], where: str) -> tuple[int, ...]:
    """Read the head of a .npy file up to its pixels, and return the shape."""
    version = np.lib.format.read_magic(file)
    head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = head(file)
    if dtype.hasobject:
        raise InputError(f"{where} holds pickled objects, expected uint8 pixels: it is refused")
    coloured = len(shape) == 4 and (shape[1] in _CHANNELS or shape[3] in _CHANNELS)
    if dtype != np.uint8 or not (len(shape) == 3 or coloured) or 0 in shape:
        raise InputError(
            f"{where} is {dtype} of shape {shape}; expected uint8 of shape (image, row, column), "
            "(image, row, column, channel) or (image, channel, row, column) with 1, 3 or 4 channels"
        )
    if fortran:
        raise InputError(f"{where} is in Fortran's order; expected C order: save numpy.ascontiguousarray of it")
    archives.check_size(f"{where}: an image", math.prod(shape[1:]))
    return tuple(shape)


def _rows(path: Path, name: str, shape: tuple[int, ...], key: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield an array's images one by one, without reading the whole of it."""
    size, where = math.prod(shape[1:]), f"{key}.path: array '{name}' of {path}"
    with (
        archives.open_zip(path, f"{key}.path") as archive,
        archives.open_entry(archive, f"{name}.npy", where) as file,
    ):
        _shape(file, where)
        for index in range(shape[0]):
            content = file.read(size)
            if len(content) < size:
                raise InputError(f"{where} ends at image {index} of {shape[0]}")
            yield f"image {index}", _channels_last(np.frombuffer(content, np.uint8).reshape(shape[1:]))


def _channels_last(image: np.ndarray) -> np.ndarray:
    """Return the image as (row, column[, channel]); of two axes that may be channels the one beside a square is it."""
    if image.ndim == 2:
        return image
    first, row, column = image.shape
    channels_first = first in _CHANNELS and (column not in _CHANNELS or row == column != first)
    return image.transpose(1, 2, 0) if channels_first else image
