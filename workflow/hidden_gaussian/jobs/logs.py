"""The log of a job. A user's error ends it with one sentence there and on the terminal, a defect with a traceback."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hidden_gaussian.errors import InputError

VARIABLE = "HIDDEN_GAUSSIAN_LOG"  # environment variable with the path of the log, for the processes of a job


@contextmanager
def job_log(path: str | Path) -> Iterator[logging.Logger]:
    """Log a job to its file; on bad input end it with one sentence and status 1.

    Parameters
    ----------
    path : path
        The rule's ``log:``; its folder is made.
    """
    path = Path(path).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    os.environ[VARIABLE] = str(path)
    with same_log() as logger:
        try:
            yield logger
        except InputError as error:
            logger.error("%s", error)
            print(f"Error: {error}", file=sys.stderr, flush=True)
            sys.exit(1)
        except OSError as error:
            logger.error("%s", error)
            where = f"{error.filename}: " if error.filename else ""
            print(f"Error: {where}{error.strerror or error}", file=sys.stderr, flush=True)
            sys.exit(1)
        except Exception:
            logger.exception("this is a defect of the program, not of the input")
            raise
        finally:
            del os.environ[VARIABLE]


@contextmanager
def same_log() -> Iterator[logging.Logger]:
    """Log to the file of the job that started this process, if there is one."""
    logger = logging.getLogger("hidden_gaussian")
    if VARIABLE not in os.environ:
        yield logger
        return
    handler = logging.FileHandler(os.environ[VARIABLE], mode="a", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()
