"""Files that appear whole or not at all: written beside their place, then moved into it."""

from __future__ import annotations

import errno
import glob
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

__all__ = ["atomic_path", "put_in_place"]

ABANDONED = 86_400  # seconds after which a file that nobody finished is nobody's


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that takes the place of `path` only when the block succeeds.

    A reader, or a run after a power cut, sees the old file or the whole new one, never a part.

    Parameters
    ----------
    path : path
        The file to make; its folder is made, and the temporary file lies beside it with the same suffix.

    Yields
    ------
    Path
        Where to write. It is removed if the block raises, and by the next writer if this one was killed.

    Raises
    ------
    OSError
        If the file cannot be written, naming it: libraries say "1000000 requested and 25584 written" of a full disk.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    temporary = path.with_name(f".{path.stem}.{platform.node()}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        put_in_place(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError | SafetensorError) and getattr(error, "filename", None) is None:
            reason = getattr(error, "strerror", None) or str(error)
            raise OSError(getattr(error, "errno", None) or errno.EIO, reason, str(path)) from error
        raise


def _remove_abandoned(path: Path) -> None:
    """Remove what writers of this file left that were killed: here, or elsewhere a day ago."""
    for other in path.parent.glob(f".{glob.escape(path.stem)}.*{glob.escape(path.suffix)}"):
        with suppress(OSError, ValueError):  # another may do it at the same time; a file of another kind
            node, process = other.name.removesuffix(path.suffix).rsplit(".", 1)
            dead = not _runs(int(process)) and node.endswith(f".{platform.node()}")
            if dead or time.time() - other.stat().st_mtime > ABANDONED:
                other.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


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
