"""Files that appear complete or not at all: written under a temporary name, then renamed."""

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

ABANDONED = 86_400  # seconds after which an unfinished file of another machine is removed


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `path` if the block succeeds.

    Readers see the old file or the whole new one, even after a power cut.

    Parameters
    ----------
    path : path
        The file to make. Its folder is made; the temporary file is in the same folder and has the same suffix.

    Yields
    ------
    Path
        The path to write to. The file is removed if the block raises, and by the next writer if this one is killed.

    Raises
    ------
    OSError
        If the file cannot be written. The error names the file, which the error of numpy on a full disk does not.
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
    """Remove temporary files of killed writers: at once on this machine, after a day if another machine wrote them."""
    for other in path.parent.glob(f".{glob.escape(path.stem)}.*{glob.escape(path.suffix)}"):
        with suppress(OSError, ValueError):  # another process may remove it at the same time; not a temporary file
            node, process = other.name.removesuffix(path.suffix).rsplit(".", 1)
            dead = not _runs(int(process)) and node.endswith(f".{platform.node()}")
            if dead or time.time() - other.stat().st_mtime > ABANDONED:
                other.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # a process of another user
        return True
    return True


def put_in_place(complete: Path, path: Path) -> None:
    """Rename a complete file on the same file system, so that a power cut loses neither it nor the old one."""
    _flush_to_disk(complete)
    complete.replace(path)
    with suppress(OSError):  # some file systems cannot flush a folder; the file itself is flushed
        _flush_to_disk(path.parent)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
