"""Archives from elsewhere: zip and tar files whose entries are checked before they are read."""

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
"""Bytes of one image file or batch, unpacked; larger ones are taken for decompression bombs."""
RATIO_LIMIT = 100
"""Unpacked bytes of all image files over the bytes of the archive; PNG and JPEG are near 1."""

_MEMBERS_LIMIT = 100
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)
_ZIP_DAMAGE = (*_DAMAGE, ValueError, RuntimeError)  # names in no encoding; compression unknown or with a password


def open_zip(path: Path, key: str) -> zipfile.ZipFile:
    """Open a zip file for reading.

    Parameters
    ----------
    path : Path
        The archive.
    key : str
        The setting that named it, for the error.

    Raises
    ------
    InputError
        If there is no such file, or it is no complete zip file.
    """
    if not path.is_file():
        raise InputError(f"{key}: {path} is not a file; give the path of a zip archive")
    try:
        return zipfile.ZipFile(path)
    except _ZIP_DAMAGE as error:
        raise InputError(f"{key}: {path} is not a complete zip archive ({error}); fetch it again") from error


def image_entries(archive: zipfile.ZipFile, *, prefix: str, suffixes: set[str], key: str) -> list[zipfile.ZipInfo]:
    """Return the images of a zip file below a prefix, by name, after checking every entry.

    Raises
    ------
    InputError
        If an entry's name leads outside the archive, an entry is a symbolic link or encrypted, or the images
        unpack to more than ENTRY_LIMIT each or RATIO_LIMIT times the archive together.
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
            raise InputError(f"{where}: entry {entry.filename} is encrypted; give an archive without a password")
    packed = Path(str(archive.filename)).stat().st_size
    unpacked = sum(entry.file_size for entry in chosen)
    if unpacked > max(RATIO_LIMIT * packed, ENTRY_LIMIT):
        raise InputError(
            f"{where} unpacks from {packed} to {unpacked} bytes, which images do not; expected at most "
            f"{RATIO_LIMIT} times: it is taken for a decompression bomb and refused"
        )
    return sorted(chosen, key=lambda entry: entry.filename)


def is_below(name: str, prefix: str) -> bool:
    """Tell whether a name lies in the folder that a prefix names; 'train' and 'train/' are the same one."""
    return PurePosixPath(name).is_relative_to(PurePosixPath(prefix))


def is_image(name: str, suffixes: set[str]) -> bool:
    """Tell whether a name has the suffix of an image, and no part of it is hidden or a Mac's shadow copy."""
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and PurePosixPath(name).suffix.lower() in suffixes


def check_size(where: str, size: int) -> None:
    """Refuse with InputError an entry that unpacks to more than ENTRY_LIMIT bytes."""
    if size > ENTRY_LIMIT:
        raise InputError(f"{where} has {size} bytes, more than the {ENTRY_LIMIT} allowed for one image: remove it")


def _check_name(entry: zipfile.ZipInfo, where: str) -> None:
    name = entry.orig_filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    drive = re.match("[A-Za-z]:", "".join(parts[:1]))
    if ".." in parts or parts[:1] == ("/",) or drive or "\0" in name:
        raise InputError(f"{where}: the name {name!r} leads outside the archive: it is refused; make a clean archive")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise InputError(f"{where}: {name!r} is a symbolic link: it is refused; archive the image itself")


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, key: str) -> bytes:
    """Return the bytes of one entry, its checksum verified; InputError naming it if it is damaged."""
    try:
        return archive.read(entry)
    except _ZIP_DAMAGE as error:
        raise InputError(
            f"{key}: {archive.filename}: entry {entry.filename} is damaged ({error}); fetch the archive again"
        ) from error


@contextmanager
def open_entry(archive: zipfile.ZipFile, name: str, where: str) -> Iterator[IO[bytes]]:
    """Open an entry for a block that reads it; InputError saying `where` if it is damaged."""
    try:
        with archive.open(name) as file:
            yield file
    except _ZIP_DAMAGE as error:
        raise InputError(f"{where} is damaged ({' '.join(str(error).split())}); make the file again") from error


def tar_batches(path: Path, names: list[str], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the named members of a tar file, pickled dictionaries, read without calling anything.

    Parameters
    ----------
    path : Path
        A tar file, compressed or not; read once from front to back.
    names : list of str
        File names of the wanted members, whatever their folder.

    Raises
    ------
    InputError
        If the archive is missing, truncated or lacks a member, or a pickle asks for anything but plain data.
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
                yield (
                    name,
                    restricted_pickle.read(content.read() if content else b"", f"{key}: {path}: {member.name}"),
                )
    except _DAMAGE as error:
        raise InputError(f"{key}: {path} is not a complete tar archive ({error}); fetch it again") from error
    if missing:
        raise InputError(f"{key}: {path} lacks {', '.join(missing)}; expected CIFAR-10's original archive")
