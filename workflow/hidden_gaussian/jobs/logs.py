"""How a job ends: one sentence in its log and on the terminal for the user's errors, a traceback for ours."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hidden_gaussian.errors import InputError

PLACE = "HIDDEN_GAUSSIAN_LOG"  # environment variable by which the processes that a job starts find its log


@contextmanager
def job_log(path: str | Path) -> Iterator[logging.Logger]:
    """Log a job to its file, and end it with status 1 and one sentence where the input was bad.

    Parameters
    ----------
    path : path
        The rule's ``log:``; its folder is made.
    """
    place = Path(path).absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    os.environ[PLACE] = str(place)
    with same_log() as logger:
        try:
            yield logger
        except InputError as error:
            logger.error("%s", error)
            print(f"Error: {error}", file=sys.stderr, flush=True)
            sys.exit(1)
        except OSError as error:
            logger.error("%s", error)
            of = f"{error.filename}: " if error.filename else ""
            print(f"Error: {of}{error.strerror or error}", file=sys.stderr, flush=True)
            sys.exit(1)
        except Exception:
            logger.exception("this is a defect of the program, not of the input")
            raise
        finally:
            del os.environ[PLACE]


@contextmanager
def same_log() -> Iterator[logging.Logger]:
    """Log to the file of the job that started this process, if it has one."""
    logger = logging.getLogger("hidden_gaussian")
    if PLACE not in os.environ:
        yield logger
        return
    handler = logging.FileHandler(os.environ[PLACE], mode="a", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()
