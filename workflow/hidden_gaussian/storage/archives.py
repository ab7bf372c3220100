"""Zip and tar files from elsewhere; every entry is checked before it is read."""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import restricted_pickle

ENTRY_LIMIT = 2**28
"""Largest image file or batch, in bytes unpacked; larger ones count as decompression bombs."""
RATIO_LIMIT = 100
"""Largest ratio of the unpacked bytes of all image files to the bytes of the archive; about 1 for PNG and JPEG."""

_MEMBERS_LIMIT = 100
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)
_ZIP_DAMAGE = (*_DAMAGE, ValueError, RuntimeError)  # undecodable names; unknown compression or a password


def open_zip(path: Path, key: str) -> zipfile.ZipFile:
    """Open a zip file for reading.

    Parameters
    ----------
    path : Path
        The archive.
    key : str
        The setting that names it, for errors.

    Raises
    ------
    InputError
        If the file is absent or no complete zip file.
    """
    if not path.is_file():
        raise InputError(f"{key}: {path} is not a file; give the path of a zip archive")
    try:
        return zipfile.ZipFile(path)
    except _ZIP_DAMAGE as error:
        raise InputError(f"{key}: {path} is not a complete zip archive ({error}); download it again") from error


def image_entries(archive: zipfile.ZipFile, *, prefix: str, suffixes: set[str], key: str) -> list[zipfile.ZipInfo]:
    """Return the images of a zip file below a prefix, sorted by name, after checking every entry.

    Raises
    ------
    InputError
        If an entry's name leads outside the archive, an entry is a symbolic link or encrypted, an image unpacks to more
        than ENTRY_LIMIT bytes, or all images to more than RATIO_LIMIT times the archive.
    """
    where = f"{key}: {archive.filename}"
    for entry in archive.infolist():
        _check_name(entry, where)
    chosen = [
        entry
        for entry in archive.infolist()
        if is_below(entry.filename, prefix) and not entry.is_dir() and is_image(entry.filename, suffixes)
    ]
    for entry in chosen:
        check_size(f"{where}: entry {entry.filename}", entry.file_size)
        if entry.flag_bits & 1:
            raise InputError(f"{where}: entry {entry.filename} is encrypted; make an archive without a password")
    packed = Path(str(archive.filename)).stat().st_size
    unpacked = sum(entry.file_size for entry in chosen)
    if unpacked > max(RATIO_LIMIT * packed, ENTRY_LIMIT):
        raise InputError(
            f"{where}: {packed} bytes unpack to {unpacked}, as in a decompression bomb; expected at most {RATIO_LIMIT} "
            "times as many; make an archive of the images alone"
        )
    return sorted(chosen, key=lambda entry: entry.filename)


def is_below(name: str, prefix: str) -> bool:
    """Return whether a name is in the folder of a prefix; 'train' and 'train/' are the same folder."""
    return PurePosixPath(name).is_relative_to(PurePosixPath(prefix))


def is_image(name: str, suffixes: set[str]) -> bool:
    """Return whether a name has the suffix of an image and no part is hidden or a shadow copy of macOS."""
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and PurePosixPath(name).suffix.lower() in suffixes


def check_size(where: str, size: int) -> None:
    """Raise InputError if an entry unpacks to more than ENTRY_LIMIT bytes."""
    if size > ENTRY_LIMIT:
        raise InputError(f"{where} has {size} bytes; expected at most {ENTRY_LIMIT} for one image; remove it")


def _check_name(entry: zipfile.ZipInfo, where: str) -> None:
    name = entry.orig_filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    drive = re.match("[A-Za-z]:", "".join(parts[:1]))
    if ".." in parts or parts[:1] == ("/",) or drive or "\0" in name:
        raise InputError(f"{where}: the name {name!r} leads outside the archive; make an archive without it")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise InputError(f"{where}: {name!r} is a symbolic link; expected image files; archive the image itself")


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, key: str) -> bytes:
    """Return the bytes of one entry and verify its checksum; InputError if it is damaged."""
    try:
        return archive.read(entry)
    except _ZIP_DAMAGE as error:
        raise InputError(
            f"{key}: {archive.filename}: entry {entry.filename} is damaged ({error}); download the archive again"
        ) from error


@contextmanager
def open_entry(archive: zipfile.ZipFile, name: str, where: str) -> Iterator[IO[bytes]]:
    """Open an entry for reading; InputError that begins with `where` if it is damaged."""
    try:
        with archive.open(name) as file:
            yield file
    except _ZIP_DAMAGE as error:
        raise InputError(f"{where} is damaged ({' '.join(str(error).split())}); make the file again") from error


def tar_batches(path: Path, names: list[str], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield members of a tar file that are pickled dictionaries, read without calling anything.

    Parameters
    ----------
    path : Path
        A tar file, compressed or not; read once.
    names : list of str
        File names of the members, without their folders.

    Raises
    ------
    InputError
        If the archive is absent, truncated or lacks a member, or a pickle needs anything but plain data.
    """
    if not path.is_file():
        raise InputError(f"{key}: {path} is not a file; give the path of the archive, such as cifar-10-python.tar.gz")
    missing = list(names)
    try:
        with tarfile.open(path, "r:*") as archive:
            for position, member in enumerate(archive):
                check_size(f"{key}: {path}: {member.name}", member.size)
                if position == _MEMBERS_LIMIT:
                    break
                name = PurePosixPath(member.name).name
                if name not in missing or not member.isfile():
                    continue
                missing.remove(name)
                content = archive.extractfile(member)
                pickled = content.read() if content else b""
                yield name, restricted_pickle.read(pickled, f"{key}: {path}: {member.name}")
    except _DAMAGE as error:
        raise InputError(f"{key}: {path} is not a complete tar archive ({error}); download it again") from error
    if missing:
        raise InputError(
            f"{key}: {path} lacks {', '.join(missing)}; expected the original archive of CIFAR-10; download it again"
        )
