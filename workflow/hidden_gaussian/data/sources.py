"""Sources of images: one function a kind, which returns a count and a stream of named pictures."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hidden_gaussian import seeding
from hidden_gaussian.data import npz, surrogates, torchvision
from hidden_gaussian.data.conversion import Picture
from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import Source
from hidden_gaussian.storage import archives, load_array, sha256

SUFFIXES = {".png", ".jpg", ".jpeg", ".jpe", ".jfif"}
OTHERS = {".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl", ".jp2", ".ppm", ".pgm"}
_BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pictures:
    """Pictures in the order of their source, read during iteration.

    Attributes
    ----------
    count : int
        Number of pictures.
    stream : iterable of (str, bytes or ndarray or Image)
        Name, and an encoded file, a uint8 array (row, column[, channel]) or a decoded image.
    checksum : callable
        Computes the SHA-256 of the archive, or of a folder's names and contents; None for other sources.
    clipped : callable, optional
        Share of clipped pixels among the surrogates read so far.
    """

    count: int
    stream: Iterable[tuple[str, Picture]]
    checksum: Callable[[], str | None] = lambda: None
    clipped: Callable[[], float] | None = None


def open_source(source: Source, *, resolution: int, seed: int, key: str) -> Pictures:
    """Open a source of images.

    Parameters
    ----------
    source : Source
        The settings.
    resolution : int
        Pixels a side, for patches of photographs only.
    seed : int
        Root seed, for patches of photographs and surrogates only.
    key : str
        The setting of the source, such as ``datasets.faces.source``, for errors.

    Raises
    ------
    InputError
        If the source is absent, empty, damaged or unsafe.
    """
    match source.kind:
        case "digits":
            return _digits()
        case "photographs":
            return _photographs(source.count, resolution, seed, key)
        case "zip":
            return _zip(_path(source), source.prefix, key)
        case "folder":
            return _folder(_path(source), source.prefix, key)
        case "npz":
            path = _path(source)
            return Pictures(*npz.open_array(path, source.name, key), partial(sha256, path))
        case "torchvision":
            return Pictures(*torchvision.open_named(source, key))
        case "cifar10":
            return _cifar10(_path(source), str(source.options.get("split", "train")), key)
        case "gaussian-surrogate" | "phase-surrogate":
            return _surrogates(source, seed)


def _path(source: Source) -> Path:
    return Path(source.path or "").expanduser()


def _numbered(arrays: Iterable[np.ndarray]) -> Iterator[tuple[str, Picture]]:
    return ((f"image {index}", array) for index, array in enumerate(arrays))


def _digits() -> Pictures:
    """Open scikit-learn's scans of handwritten digits: 1,797 images of 8 x 8 pixels, 0 to 16."""
    from sklearn.datasets import load_digits

    pixels = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)
    return Pictures(len(pixels), _numbered(pixels))


def _photographs(count: int, resolution: int, seed: int, key: str) -> Pictures:
    """Cut patches from scikit-learn's two photographs, without overlap if there are enough."""
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images
    corners: list[tuple[int, int, int]] = []
    for stride in range(resolution, 0, -1):
        corners = [
            (number, row, column)
            for number, photograph in enumerate(photographs)
            for row in range(0, photograph.shape[0] - resolution + 1, stride)
            for column in range(0, photograph.shape[1] - resolution + 1, stride)
        ]
        if len(corners) >= count:
            break
    else:
        raise InputError(
            f"{key}.count: {count} patches of {resolution} pixels; expected at most {len(corners)}, the number in the "
            "photographs; set fewer"
        )
    order = seeding.numpy_stream(seed, "photographs").permutation(len(corners))[:count]
    patches = (
        photographs[number][row : row + resolution, column : column + resolution]
        for number, row, column in (corners[corner] for corner in order)
    )
    return Pictures(count, _numbered(patches))


def _surrogates(source: Source, seed: int) -> Pictures:
    """Draw surrogates of the images of another dataset."""
    made = surrogates.Surrogates(source.kind, load_array(_path(source), mmap=True), source.count, seed)
    return Pictures(source.count, _numbered(made), clipped=lambda: made.clipped)


def _zip(path: Path, prefix: str, key: str) -> Pictures:
    """Open the PNG and JPEG files of a zip file below a prefix, sorted by name."""
    archive = archives.open_zip(path, f"{key}.path")
    entries = archives.image_entries(archive, prefix=prefix, suffixes=SUFFIXES, key=f"{key}.path")
    _report_others(path, archive.namelist(), entries, prefix, key)

    def stream() -> Iterator[tuple[str, Picture]]:
        with archive:
            for entry in entries:
                yield entry.filename, archives.read_entry(archive, entry, f"{key}.path")

    return Pictures(len(entries), stream(), partial(sha256, path))


def _report_others(path: Path, names: Iterable[str], chosen: Sequence[object], prefix: str, key: str) -> None:
    """Log the number of images of other formats; InputError if there is no PNG or JPEG."""
    others = sum(archives.is_below(name, prefix) and archives.is_image(name, OTHERS) for name in names)
    advice = f"{others} images are neither PNG nor JPEG and are left out; convert them"
    if not chosen:
        below = f" below the prefix '{prefix}'" if prefix else ""
        todo = advice if others else "check the path and the prefix"
        raise InputError(f"{key}.path: {path} has no PNG or JPEG images{below}; expected at least one; {todo}")
    if others:
        logger.warning("%s.path: %s: %s", key, path, advice)


def _folder(path: Path, prefix: str, key: str) -> Pictures:
    """Open the PNG and JPEG files of a folder below a prefix, sorted by name; links are followed."""
    if not path.is_dir():
        raise InputError(f"{key}.path: {path} is neither a folder nor a name under 'archives'; correct the path")
    files = list(_files(path, prefix, key))
    names = sorted(name for name in files if archives.is_below(name, prefix) and archives.is_image(name, SUFFIXES))
    _report_others(path, files, names, prefix, key)
    return Pictures(len(names), _contents(path, names, key), lambda: _digest(_contents(path, names, key)))


def _files(path: Path, prefix: str, key: str, folder: str = "", around: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names of files in a folder and its subfolders; links to a parent folder are skipped."""
    current = path / folder
    if (real := os.path.realpath(current)) in around:
        return
    try:
        entries = list(current.iterdir())
    except OSError as error:
        raise InputError(f"{key}.path: {current} cannot be read ({error.strerror}); make it readable") from error
    for file in entries:
        name = file.relative_to(path).as_posix()
        if file.is_dir():
            visible = not file.name.startswith(".")
            if visible and (archives.is_below(name, prefix) or archives.is_below(prefix, name)):
                yield from _files(path, prefix, key, name, around | {real})
        elif file.is_file() or not file.exists():  # a broken link gives an error when it is read
            yield name


def _digest(contents: Iterable[tuple[str, bytes]]) -> str:
    """Return the checksum of names, in their encoding on disk, and contents."""
    digest = hashlib.sha256()
    for name, content in contents:
        digest.update(os.fsencode(name) + f"\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _contents(path: Path, names: list[str], key: str) -> Iterator[tuple[str, bytes]]:
    for name in names:
        file = path / name
        try:
            archives.check_size(f"{key}.path: {file}", file.stat().st_size)
            content = file.read_bytes()
        except OSError as error:
            todo = "make it readable or remove it"
            raise InputError(f"{key}.path: {file} cannot be read ({error.strerror}); {todo}") from error
        yield name, content


def _cifar10(path: Path, split: str, key: str) -> Pictures:
    """Open CIFAR-10's original archive: batches of rows of 3,072 bytes (channel, row, column)."""
    if split not in _BATCHES:
        raise InputError(f"{key}.options.split: '{split}' was found; expected 'train' or 'test'; correct it")
    batches = dict(archives.tar_batches(path, _BATCHES[split], f"{key}.path"))
    rows = []
    for name in _BATCHES[split]:
        data = batches[name].get("data")
        if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != 3072:
            raise InputError(f"{key}.path: {path}: {name} has no rows of 3072 bytes; download the archive again")
        rows.append(data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    count = sum(len(batch) for batch in rows)
    return Pictures(count, _numbered(image for batch in rows for image in batch), partial(sha256, path))
