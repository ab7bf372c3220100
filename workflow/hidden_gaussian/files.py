"""Reading and writing: atomic, free of pickles, and clear about a damaged file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import safetensors
import safetensors.numpy

from hidden_gaussian.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = [
    "InputError",
    "atomic_path",
    "load_array",
    "load_arrays",
    "load_json",
    "load_metadata",
    "load_tensors",
    "put_in_place",
    "save_array",
    "save_json",
    "save_tensors",
    "sha256",
]

AnyPath = str | Path
T = TypeVar("T")


@contextmanager
def atomic_path(path: AnyPath) -> Iterator[Path]:
    """Yield a temporary path that takes the place of `path` only when the block succeeds.

    A reader, or a run after a power cut, sees the old file or the whole new one, never a part.

    Parameters
    ----------
    path : path
        The file to make; its folder is made, and the temporary file lies beside it with the same suffix.

    Yields
    ------
    Path
        Where to write. It is removed if the block raises.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        put_in_place(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def put_in_place(complete: Path, path: Path) -> None:
    """Let a complete file take the place of another on the same file system, safe from a power cut."""
    _flush_to_disk(complete)
    complete.replace(path)
    with suppress(OSError):  # some file systems cannot flush a folder; the file itself is safe
        _flush_to_disk(path.parent)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_array(path: AnyPath, array: np.ndarray) -> None:
    """Write one array as ``.npy``, atomically; arrays of objects are refused with ValueError."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def load_array(path: AnyPath, *, mmap: bool = False) -> np.ndarray:
    """Read one ``.npy`` array.

    Parameters
    ----------
    path : path
        The file.
    mmap : bool
        Map it read-only instead of reading it, so that only the rows that are used take memory.

    Raises
    ------
    InputError
        If the file is absent, damaged, or holds pickled objects.
    """

    def read() -> np.ndarray:
        if mmap:
            return np.lib.format.open_memmap(path, mode="r")
        with Path(path).open("rb") as file:
            array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
            return array

    return _read(path, read, (ValueError, EOFError))


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
        Stored from the CPU, contiguous, in their own precision. Torch is imported only for its own tensors.
    metadata : mapping of str to str, optional
        Short texts kept in the head of the file.
    """
    texts = dict(metadata) if metadata else None
    with atomic_path(path) as temporary:
        if all(isinstance(value, np.ndarray | np.generic) for value in tensors.values()):
            arrays = {name: np.asarray(value, order="C") for name, value in tensors.items()}
            safetensors.numpy.save_file(arrays, temporary, metadata=texts)
        else:
            from safetensors.torch import save_file  # here, because it imports torch, which takes seconds

            own = {name: _own_memory(value) for name, value in tensors.items()}
            save_file(own, temporary, metadata=texts)
        _sort_head(temporary)


def _sort_head(path: Path) -> None:
    """Put the head of a ``.safetensors`` file in order: its library writes the texts in a random one."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        head = json.loads(file.read(length))
        head = {name: dict(sorted(entry.items())) for name, entry in sorted(head.items())}
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > length:
            raise AssertionError(f"{path}: the same head became longer")
        file.seek(8)
        file.write(text.ljust(length))


def _own_memory(tensor: Any) -> torch.Tensor:
    """Return the tensor on the CPU, contiguous and not a view into a larger one."""
    import torch

    own: torch.Tensor = torch.as_tensor(tensor).detach().cpu().contiguous()
    return own if own.untyped_storage().nbytes() == own.nbytes else own.clone()


def load_tensors(path: AnyPath) -> dict[str, torch.Tensor]:
    """Read a ``.safetensors`` file as torch tensors on the CPU; InputError if absent or damaged."""
    from safetensors.torch import load_file

    return _read(path, lambda: load_file(path), (safetensors.SafetensorError,))


def load_arrays(path: AnyPath) -> dict[str, np.ndarray]:
    """Read a ``.safetensors`` file as numpy arrays, without torch; InputError if absent or damaged."""
    return _read(path, lambda: safetensors.numpy.load_file(path), (safetensors.SafetensorError,))


def load_metadata(path: AnyPath) -> dict[str, str]:
    """Read the texts in the head of a ``.safetensors`` file; InputError if absent or damaged."""

    def read() -> dict[str, str]:
        with safetensors.safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})

    return _read(path, read, (safetensors.SafetensorError,))


def save_json(path: AnyPath, content: Any) -> None:
    """Write plain containers as JSON, keys sorted, atomically; ValueError for numbers that are not finite."""
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


def _read(path: AnyPath, read: Callable[[], T], damage: tuple[type[Exception], ...]) -> T:
    if not Path(path).is_file():
        raise InputError(f"{path} is not there, but a later step needs it: run the step that makes it")
    try:
        return read()
    except damage as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is damaged ({reason}): delete it and run again") from error
