"""Packed images: one uint8 array of the images of any source, cropped, resized and memory-mapped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from hidden_gaussian import seeding
from hidden_gaussian.data import conversion, duplicates, sources, splits
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import progress_bar
from hidden_gaussian.settings import Source
from hidden_gaussian.storage import atomic_path, load_array, save_json, seal_array, sha256

_BATCH, _BYTES = 64, 2**28  # most pictures in memory at a time, and about the most bytes of them


def pack(
    source: Source,
    array: str | Path,
    about: str | Path,
    *,
    resolution: int,
    colour: str,
    seed: int = 0,
    key: str = "source",
    workers: int | None = None,
) -> dict[str, Any]:
    """Convert all images of a source and write them as one array, in the order of the source.

    Threads decode (Pillow releases the interpreter), one batch at a time, so that memory does not grow.

    Parameters
    ----------
    source, key : Source, str
        The source of the images, and its setting, such as ``datasets.faces.source``.
    array, about : path
        Files to make: ``.npy``, uint8, (image, channel, row, column), and JSON with count, shape and checksums.
    resolution, colour : int, {'rgb', 'grey'}
        Pixels a side; channels.
    seed, workers : int
        Root seed, for patches of photographs and for surrogates; threads, by default one a core.

    Raises
    ------
    InputError
        If the source is not as declared or unsafe, or an image is damaged; then no file is written.
    """
    pictures = sources.open_source(source, resolution=resolution, seed=seed, key=key)
    checksum = _checked(source, pictures, key)
    shape = (pictures.count, len(conversion.MODES[colour]), resolution, resolution)
    with atomic_path(array) as temporary:
        _write(temporary, _converted(pictures, resolution, colour, key, workers), shape)
        record = _record(source, pictures, colour, shape, checksum, sha256(temporary))
        save_json(about, record)
    return record


def _write(path: Path, blocks: Iterator[np.ndarray], shape: tuple[int, ...]) -> None:
    """Write an array block by block; pages of a memory map would count as memory of the job."""
    with path.open("wb") as file:
        head = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, head)
        for block in blocks:
            file.write(block.tobytes())
    seal_array(path)


def _record(
    source: Source,
    pictures: sources.Pictures,
    colour: str,
    shape: tuple[int, ...],
    checksum: str | None,
    pixels_sha256: str,
) -> dict[str, Any]:
    """Return the content of ``about``, without the path of the source, which differs between machines."""
    record = {
        "source": source.model_dump(mode="json", exclude={"path", "sha256"}),
        "count": pictures.count,
        "resolution": shape[-1],
        "colour": colour,
        "shape": list(shape),
        "sha256": checksum,
        "pixels_sha256": pixels_sha256,
    }
    return record if pictures.clipped is None else record | {"clipped": pictures.clipped()}


def _checked(source: Source, pictures: sources.Pictures, key: str) -> str | None:
    """Check a source against its settings and return its checksum; counting comes first, because it reads nothing."""
    if pictures.count != source.count:
        below = f" below '{source.prefix}'" if source.prefix else ""
        raise InputError(
            f"{key}.count: {source.path or source.kind} has {pictures.count} images{below}; expected {source.count}; "
            f"set it to {pictures.count} or give the complete source"
        )
    checksum = pictures.checksum()
    if source.sha256 is None or checksum == source.sha256.lower():
        return checksum
    if checksum is None:
        raise InputError(f"{key}.sha256: a source of kind '{source.kind}' has no archive; remove the setting")
    raise InputError(
        f"{key}.sha256: {source.path} has {checksum}; expected {source.sha256}; download it again or correct it"
    )


def _converted(
    pictures: sources.Pictures, resolution: int, colour: str, key: str, workers: int | None
) -> Iterator[np.ndarray]:
    """Yield blocks of converted images and show progress."""

    def convert_one(named: tuple[str, conversion.Picture]) -> np.ndarray:
        name, picture = named
        return conversion.convert(picture, resolution=resolution, colour=colour, where=f"{key}: {name}")

    stream, done = iter(pictures.stream), 0
    with (
        ThreadPoolExecutor(workers or os.cpu_count()) as pool,
        progress_bar("packing", pictures.count) as show,
    ):
        while batch := list(_batch(stream)):
            yield np.stack(list(pool.map(convert_one, batch)))
            done += len(batch)
            show(done)
            del batch  # frees its memory before the next one is read


def _batch(stream: Iterator[tuple[str, conversion.Picture]]) -> Iterator[tuple[str, conversion.Picture]]:
    size = 0
    for named in islice(stream, _BATCH):
        yield named
        size += conversion.size(named[1])
        if size >= _BYTES:
            return


def open_images(path: str | Path, *, verify: bool = False) -> np.ndarray:
    """Map a packed array read-only; on request, read it and compare its checksum.

    Returns
    -------
    ndarray of shape (image, channel, row, column), uint8

    Raises
    ------
    InputError
        If the file is absent, damaged or another kind of array.
    """
    array = load_array(path, mmap=True, verify=verify)
    if array.dtype != np.uint8 or array.ndim != 4:
        raise InputError(
            f"{path} is {array.dtype} of shape {array.shape}; expected uint8 (image, channel, row, column); delete it "
            "and run again"
        )
    return array


def open_subset(packed: str | Path, subset: str | Path) -> np.ndarray:
    """Return the images of a ``subset.npy`` in its order, uint8; InputError if a file is absent or damaged."""
    return _chosen(open_images(packed), splits.load_subset(subset), subset)


def _chosen(array: np.ndarray, indices: np.ndarray, path: str | Path) -> np.ndarray:
    splits.check_subset(indices, len(array), path)
    rows: np.ndarray = array[indices]
    return rows


def load_inputs(root: str | Path, name: str, count: int | None = None, *, subset: Path | None = None) -> np.ndarray:
    """Return clean images of one kind of input, always in the same order.

    A larger count only adds images at the end. The subsets of a half share their first images, whatever their size.
    Images of a separate held-out source that are also among the training images are left out.

    Parameters
    ----------
    root : Path
        The dataset's folder.
    name : {'train', 'heldout', 'foreign', 'remainder'}
        Images of the subset; images never trained on; images of another source; images in neither half of the subset's
        size, without duplicates.
    count : int, optional
        At most this many; default: all.
    subset : Path, optional
        The subset's ``subset.npy``, for 'train' and 'remainder'.

    Returns
    -------
    ndarray of shape (image, channel, row, column), uint8
        Empty if the dataset has no such images.
    """
    root = Path(root)
    packed = root / "images.npy"
    if name == "heldout" or name == "foreign":
        source = root / "split.safetensors"
        split = splits.load_split(source)
        chosen = split.heldout if name == "heldout" else split.heldout[:0]
        if not len(chosen) and (root / f"{name}.npy").exists():
            return _separate(root, name, count)
    elif subset is not None and name in ("train", "remainder"):
        source, chosen = subset, splits.load_subset(subset)
        if name == "remainder":
            copies = duplicates.load(root / "duplicates.json")
            chosen = splits.remainder(splits.load_split(root / "split.safetensors"), len(chosen), copies)
    else:
        raise ValueError(f"inputs '{name}' of subset {subset}; expected train, heldout, foreign or remainder")
    return _chosen(open_images(packed), chosen[:count], source)


def _separate(root: Path, name: str, count: int | None) -> np.ndarray:
    """Return images of a separate source in a fixed random order, because sources are often sorted by class."""
    array = open_images(root / f"{name}.npy")
    chosen = seeding.numpy_stream(0, f"order of {name} images").permutation(len(array))
    if name == "heldout":
        copies = [copy for copy, _ in duplicates.load(root / "duplicates.json").heldout]
        chosen = chosen[~np.isin(chosen, copies)]
    rows: np.ndarray = array[chosen[:count]]
    return rows
