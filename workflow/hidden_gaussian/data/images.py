"""Images: any source, cropped and resized, packed into one uint8 array that is mapped, not read."""

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

_BATCH, _BYTES = 64, 2**28  # pictures held at a time: so many, or as many as have so many bytes


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
    """Convert every image of a source and write them as one array, in the order of the source.

    Threads decode (Pillow releases the interpreter), a batch at a time: memory does not grow.

    Parameters
    ----------
    source, key : Source, str
        Where the images come from, and the setting that says so, such as ``datasets.faces.source``.
    array, about : path
        Made: ``.npy``, uint8, (image, channel, row, column), and JSON with count, shape and checksums.
    resolution, colour : int, {'rgb', 'grey'}
        Pixels a side; channels.
    seed, workers : int
        Root seed, which chooses the patches of photographs; threads, one a core by default.

    Raises
    ------
    InputError
        If the source is not as declared or unsafe, or an image is damaged. Nothing is written then.
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
    """Write an array block by block: pages of a map would count as memory of the job."""
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
    """Return what is known of the images; not their path, which may change from machine to machine."""
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
    """Return the checksum of a source that is as declared; its images are counted first, which takes no reading."""
    if pictures.count != source.count:
        below = f" below '{source.prefix}'" if source.prefix else ""
        raise InputError(
            f"{key}.count declares {source.count} images, but {source.path or source.kind} has "
            f"{pictures.count}{below}: set it to {pictures.count} or give the complete source"
        )
    found = pictures.checksum()
    if source.sha256 is None or found == source.sha256.lower():
        return found
    if found is None:
        raise InputError(f"{key}.sha256 is set, but a source of kind '{source.kind}' has no archive: remove it")
    raise InputError(
        f"{key}.sha256 is {source.sha256}, but {source.path} has {found}: "
        "the data are others than those declared; fetch them again or correct the setting"
    )


def _converted(
    pictures: sources.Pictures, resolution: int, colour: str, key: str, workers: int | None
) -> Iterator[np.ndarray]:
    """Yield blocks of converted images, showing progress."""

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
            del batch  # before the next one is read


def _batch(stream: Iterator[tuple[str, conversion.Picture]]) -> Iterator[tuple[str, conversion.Picture]]:
    size = 0
    for named in islice(stream, _BATCH):
        yield named
        size += conversion.size(named[1])
        if size >= _BYTES:
            return


def open_images(path: str | Path, *, verify: bool = False) -> np.ndarray:
    """Map a packed array, read-only; on request, read it all and compare its checksum.

    Returns
    -------
    ndarray of shape (image, channel, row, column), uint8

    Raises
    ------
    InputError
        If the file is absent or damaged, or holds something else.
    """
    array = load_array(path, mmap=True, verify=verify)
    if array.dtype != np.uint8 or array.ndim != 4:
        raise InputError(
            f"{path} is {array.dtype} of shape {array.shape}, expected uint8 (image, channel, row, column): "
            "delete it and run again"
        )
    return array


def open_subset(packed: str | Path, subset: str | Path) -> np.ndarray:
    """Return the images that a ``subset.npy`` names, in its order, uint8; InputError if either file is not sound."""
    return _chosen(open_images(packed), splits.load_subset(subset), subset)


def _chosen(array: np.ndarray, indices: np.ndarray, path: str | Path) -> np.ndarray:
    splits.check_subset(indices, len(array), path)
    rows: np.ndarray = array[indices]
    return rows


def load_inputs(root: str | Path, name: str, count: int | None = None, *, subset: Path | None = None) -> np.ndarray:
    """Return clean images of one kind of input, always the same ones in the same order.

    A larger count only adds images at the end, and half b's subsets, like half a's, share their first images
    whatever their size. Held-out images of a source of their own that are also among the training images are
    left out.

    Parameters
    ----------
    root : Path
        The dataset's folder.
    name : {'train', 'heldout', 'foreign', 'remainder'}
        Images of the subset; images never trained on; images of another source; images of the source in
        neither half of the subset's size (duplicates left out).
    count : int, optional
        How many; fewer if there are fewer; default: all.
    subset : Path, optional
        The subset's ``subset.npy``, needed by 'train' and 'remainder'.

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
            return _from_elsewhere(root, name, count)
    elif subset is not None and name in ("train", "remainder"):
        source, chosen = subset, splits.load_subset(subset)
        if name == "remainder":
            found = duplicates.load(root / "duplicates.json")
            chosen = splits.remainder(splits.load_split(root / "split.safetensors"), len(chosen), found)
    else:
        raise ValueError(f"inputs '{name}' of subset {subset}: expected train, heldout, foreign or remainder")
    return _chosen(open_images(packed), chosen[:count], source)


def _from_elsewhere(root: Path, name: str, count: int | None) -> np.ndarray:
    """Return images of a source of their own in a fixed random order: sources are often sorted by class."""
    array = open_images(root / f"{name}.npy")
    chosen = seeding.numpy_stream(0, f"order of {name} images").permutation(len(array))
    if name == "heldout":
        copies = [copy for copy, _ in duplicates.load(root / "duplicates.json").heldout]
        chosen = chosen[~np.isin(chosen, copies)]
    rows: np.ndarray = array[chosen[:count]]
    return rows
