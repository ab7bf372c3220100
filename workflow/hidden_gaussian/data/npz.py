"""Images in an ``.npz`` file: one uint8 array, read image by image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import archives

_CHANNELS = (1, 3, 4)
_NPY = b"\x93NUMPY"  # the first bytes of an .npy file


def open_array(path: Path, name: str | None, key: str) -> tuple[int, Iterator[tuple[str, np.ndarray]]]:
    """Open an array: (image, row, column[, channel]) or (image, channel, row, column).

    Parameters
    ----------
    path : Path
        The .npz file.
    name : str, optional
        The array; may be omitted if there is only one.
    key : str
        The setting of the source, for errors.

    Returns
    -------
    int, iterator of (str, ndarray)
        The number of images; their names and pixels, (row, column[, channel]).

    Raises
    ------
    InputError
        If the file or the array is absent, damaged, or has no images.
    """
    _check_several(path, key)
    with archives.open_zip(path, f"{key}.path") as archive:
        names = [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]
        if name is None and len(names) != 1:
            raise InputError(f"{key}.name: {path} has the arrays {names}; expected one; name the one with the images")
        chosen = name or names[0]
        if chosen not in names:
            raise InputError(f"{key}.name: {path} has no array '{chosen}'; expected one of {names}; correct the name")
        where = f"{key}.path: array '{chosen}' of {path}"
        with archives.open_entry(archive, f"{chosen}.npy", where) as file:
            shape = _shape(file, where)
    return shape[0], _rows(path, chosen, shape, key)


def _check_several(path: Path, key: str) -> None:
    if not path.is_file():
        raise InputError(f"{key}.path: {path} is not a file; give the path of an .npz file")
    with path.open("rb") as file:
        if file.read(len(_NPY)) == _NPY:
            raise InputError(f"{key}.path: {path} is an .npy array; expected an .npz file; save it with numpy.savez")


def _shape(file: IO[bytes], where: str) -> tuple[int, ...]:
    """Read the head of an ``.npy`` file up to its pixels, and return the shape."""
    version = np.lib.format.read_magic(file)
    head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = head(file)
    if dtype.hasobject:
        raise InputError(f"{where} has pickled objects; expected uint8 pixels; save the pixels alone")
    coloured = len(shape) == 4 and (shape[1] in _CHANNELS or shape[3] in _CHANNELS)
    if dtype != np.uint8 or not (len(shape) == 3 or coloured) or 0 in shape:
        raise InputError(
            f"{where} is {dtype} of shape {shape}; expected uint8 of shape (image, row, column), "
            "(image, row, column, channel) or (image, channel, row, column) with 1, 3 or 4 channels; save it so"
        )
    if fortran:
        raise InputError(f"{where} is in Fortran order; expected C order; save numpy.ascontiguousarray of it")
    archives.check_size(f"{where}: an image", math.prod(shape[1:]))
    return tuple(shape)


def _rows(path: Path, name: str, shape: tuple[int, ...], key: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the images of an array one by one."""
    size, where = math.prod(shape[1:]), f"{key}.path: array '{name}' of {path}"
    with (
        archives.open_zip(path, f"{key}.path") as archive,
        archives.open_entry(archive, f"{name}.npy", where) as file,
    ):
        _shape(file, where)
        for index in range(shape[0]):
            content = file.read(size)
            if len(content) < size:
                raise InputError(f"{where} ends at image {index}; expected {shape[0]} images; download the file again")
            yield f"image {index}", _channels_last(np.frombuffer(content, np.uint8).reshape(shape[1:]))


def _channels_last(image: np.ndarray) -> np.ndarray:
    """Return the image as (row, column[, channel]); if both ends may be channels, the one next to a square is."""
    if image.ndim == 2:
        return image
    first, row, column = image.shape
    channels_first = first in _CHANNELS and (column not in _CHANNELS or row == column != first)
    return image.transpose(1, 2, 0) if channels_first else image
