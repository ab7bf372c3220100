"""Arrays, tensors and JSON in files: written atomically, read without pickles, with errors that name a damaged file."""

from __future__ import annotations

import hashlib
import json
import os
import tokenize
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np
import safetensors
import safetensors.numpy

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage.atomic import atomic_path

if TYPE_CHECKING:
    import torch

__all__ = [
    "load_array",
    "load_arrays",
    "load_json",
    "load_metadata",
    "load_one",
    "load_tensors",
    "save_array",
    "save_json",
    "save_tensors",
    "seal_array",
    "sha256",
]

AnyPath = str | Path
BLOCK = 2**18  # bytes read at a time
TEXTS, CHECKSUM, UNKNOWN = "__metadata__", "crc32", "00000000"  # in the head of a .safetensors file
WRONG = "its checksum does not match its content"
TRAILER = b"crc32:%08x"  # after the numbers of an .npy file, where other readers do not look
T = TypeVar("T")


def save_array(path: AnyPath, array: np.ndarray) -> None:
    """Write one array as ``.npy``, atomically, with a checksum; ValueError for arrays of objects."""
    with atomic_path(path) as temporary:
        with temporary.open("wb") as file:
            np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)
        seal_array(temporary)


def seal_array(path: Path) -> None:
    """Append the CRC-32 of an ``.npy`` file to it."""
    with path.open("r+b") as file:
        file.write(TRAILER % _crc(file, path.stat().st_size))


def _crc(file: IO[bytes], length: int) -> int:
    """Return the CRC-32 of the next `length` bytes."""
    checksum = 0
    while length and (block := file.read(min(length, BLOCK))):
        checksum, length = zlib.crc32(block, checksum), length - len(block)
    return checksum


def _check_array(file: IO[bytes]) -> None:
    """Raise ValueError if the checksum of an ``.npy`` file is wrong; files of other programs have none."""
    content = file.seek(0, os.SEEK_END) - len(TRAILER % 0)
    file.seek(max(content, 0))
    trailer = file.read()
    file.seek(0)
    if trailer.startswith(TRAILER[:6]) and trailer != TRAILER % _crc(file, content):
        raise ValueError(WRONG)
    file.seek(0)


def load_array(path: AnyPath, *, mmap: bool = False, verify: bool | None = None) -> np.ndarray:
    """Read one ``.npy`` array.

    Parameters
    ----------
    path : path
        The file.
    mmap : bool
        Map it read-only, so that only the rows in use take memory.
    verify : bool, optional
        Whether to compare the checksum, which reads the whole file; default: not if it is mapped.

    Raises
    ------
    InputError
        If the file is absent or damaged, or has pickled objects.
    """

    def read() -> np.ndarray:
        with Path(path).open("rb") as file:
            if verify or (verify is None and not mmap):
                _check_array(file)
            array: np.ndarray
            if mmap:
                mapped: Any = np.lib.format.open_memmap(path, mode="r")
                array, end = mapped, mapped.offset + mapped.nbytes
            else:
                array = np.lib.format.read_array(file, allow_pickle=False)
                end = file.tell()
            if Path(path).stat().st_size - end not in (0, len(TRAILER % 0)):
                raise ValueError("it is longer than its head declares")
            return array

    # numpy raises any of these for a damaged head
    return _read(path, read, (ValueError, EOFError, SyntaxError, tokenize.TokenError, MemoryError))


def save_tensors(
    path: AnyPath,
    tensors: Mapping[str, torch.Tensor] | Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named torch tensors or numpy arrays as ``.safetensors``, atomically.

    Parameters
    ----------
    path : path
        The file.
    tensors : mapping of str to Tensor or to ndarray
        Stored in their own precision. Torch is imported for torch tensors only.
    metadata : mapping of str to str, optional
        Short texts for the head of the file.
    """
    texts = {**(metadata or {}), CHECKSUM: UNKNOWN}
    with atomic_path(path) as temporary:
        if all(isinstance(value, np.ndarray | np.generic) for value in tensors.values()):
            arrays = {name: np.asarray(value, order="C") for name, value in tensors.items()}
            safetensors.numpy.save_file(arrays, temporary, metadata=texts)
        else:
            from safetensors.torch import save_file  # here, because importing torch takes seconds

            own = {name: _own_memory(value) for name, value in tensors.items()}
            save_file(own, temporary, metadata=texts)
        _seal(temporary)


def _seal(path: Path) -> None:
    """Sort the head of a ``.safetensors`` file, because the library writes it in random order, and add a checksum."""
    with path.open("r+b") as file:
        head, length = _head(file)
        head[TEXTS][CHECKSUM] = _checksum(head, length, file)
        file.seek(8)
        file.write(_as_text(head, length))


def _head(file: IO[bytes]) -> tuple[dict[str, dict[str, Any]], int]:
    length = int.from_bytes(file.read(8), "little")
    return json.loads(file.read(length)), length


def _as_text(head: Mapping[str, Mapping[str, Any]], length: int) -> bytes:
    ordered = {name: dict(sorted(entry.items())) for name, entry in sorted(head.items())}
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode().ljust(length)


def _checksum(head: Mapping[str, Mapping[str, Any]], length: int, file: IO[bytes]) -> str:
    """Return the CRC-32 of the head without a checksum and of the rest of the file, as eight digits."""
    whole = {**head, TEXTS: {**head[TEXTS], CHECKSUM: UNKNOWN}}
    checksum = zlib.crc32(_as_text(whole, length))
    while block := file.read(BLOCK):
        checksum = zlib.crc32(block, checksum)
    return f"{checksum:08x}"


def _verified(path: AnyPath, load: Callable[[AnyPath], T]) -> T:
    """Load a ``.safetensors`` file and compare its checksum; files of other programs have none."""
    content = load(path)  # first, because the library checks the head
    with Path(path).open("rb") as file:
        head, length = _head(file)
        expected = head.get(TEXTS, {}).get(CHECKSUM)
        if expected is not None and expected != _checksum(head, length, file):
            raise ValueError(WRONG)
    return content


def _own_memory(tensor: Any) -> torch.Tensor:
    """Return the tensor on the CPU, contiguous and not a view of a larger one."""
    import torch

    own: torch.Tensor = torch.as_tensor(tensor).detach().cpu().contiguous()
    return own if own.untyped_storage().nbytes() == own.nbytes else own.clone()


def load_tensors(path: AnyPath) -> dict[str, torch.Tensor]:
    """Read a ``.safetensors`` file as torch tensors on the CPU; InputError if absent or damaged."""
    from safetensors.torch import load_file

    return _read(path, lambda: _verified(path, load_file), (safetensors.SafetensorError, ValueError))


def load_arrays(path: AnyPath) -> dict[str, np.ndarray]:
    """Read a ``.safetensors`` file as numpy arrays, without torch; InputError if absent or damaged."""
    load = safetensors.numpy.load_file
    return _read(path, lambda: _verified(path, load), (safetensors.SafetensorError, ValueError))


def load_one(path: AnyPath, name: str) -> np.ndarray:
    """Read one array of a ``.safetensors`` file without loading the rest; InputError if absent or damaged."""

    def load(path: AnyPath) -> np.ndarray:
        with safetensors.safe_open(path, framework="numpy") as file:
            array: np.ndarray = file.get_tensor(name)
            return array

    return _read(path, lambda: _verified(path, load), (safetensors.SafetensorError, ValueError))


def digest_rows(array: np.ndarray, indices: np.ndarray) -> str:
    """Return the SHA-256 of rows of an array, in the order of `indices`; a mapped array is read block by block.

    Examples
    --------
    >>> digest_rows(np.arange(3, dtype=np.uint8), np.array([2, 0])) == hashlib.sha256(bytes([2, 0])).hexdigest()
    True
    """
    digest = hashlib.sha256()
    for start in range(0, len(indices), 1024):
        digest.update(np.ascontiguousarray(array[indices[start : start + 1024]]).data)
    return digest.hexdigest()


def load_metadata(path: AnyPath) -> dict[str, str]:
    """Read the texts in the head of a ``.safetensors`` file, without the checksum; InputError if absent or damaged."""

    def read() -> dict[str, str]:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: text for name, text in (file.metadata() or {}).items() if name != CHECKSUM}

    return _read(path, read, (safetensors.SafetensorError,))


def save_json(path: AnyPath, content: Any) -> None:
    """Write plain containers as JSON with sorted keys, atomically; ValueError for numbers that are not finite."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def load_json(path: AnyPath) -> Any:
    """Read a JSON file; InputError if absent or damaged."""
    return _read(path, lambda: json.loads(Path(path).read_text(encoding="utf-8")), (ValueError,))


def sha256(path: AnyPath) -> str:
    """Return the SHA-256 checksum of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def holding(path: AnyPath, what: str) -> Iterator[None]:
    """Turn a KeyError in a block into an InputError: the file is not `what`, because it lacks the entry."""
    try:
        yield
    except KeyError as error:
        raise InputError(f"{path} is not {what}: it lacks {error}; delete it and run again") from None


def _read(path: AnyPath, read: Callable[[], T], damage: tuple[type[Exception], ...]) -> T:
    if not Path(path).is_file():
        raise InputError(f"{path} is not there, but this step needs it; run the step that makes it")
    try:
        return read()
    except damage as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is damaged ({reason}); delete it and run again") from error
