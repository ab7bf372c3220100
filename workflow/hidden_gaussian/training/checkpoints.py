"""The files of a training run: checkpoints, and the state that an unfinished segment continues from."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import (
    differences,
    load_metadata,
    load_tensors,
    read_table,
    save_tensors,
    schemas,
    write_log,
)
from hidden_gaussian.training.state import Point, SavedState, TrainingState

logger = logging.getLogger(__name__)


def save_outputs(folder: Path, state: TrainingState, fingerprint: Mapping[str, Any]) -> None:
    """Write a checkpoint: ``weights.safetensors`` (EMA), ``state.safetensors`` and ``training.parquet``.

    Raises
    ------
    InputError
        If a loss is not finite, or a file cannot be written.
    """
    log = pd.DataFrame(state.log(), columns=list(Point._fields))
    weights = {name: tensor.float() for name, tensor in state.ema.state_dict().items()}
    options = {"options": json.dumps(state.options, sort_keys=True)}
    with _written(folder):
        write_log(folder / "training.parquet", log)
        save_tensors(folder / "weights.safetensors", weights, options)
    save_state(folder / "state.safetensors", state, fingerprint)


def are_whole(folder: Path, fingerprint: Mapping[str, Any]) -> bool:
    """Return whether a folder holds the three files of a checkpoint, undamaged and with this fingerprint."""
    return has_outputs(folder) and belongs(folder / "state.safetensors", fingerprint)


def has_outputs(folder: Path) -> bool:
    """Return whether a folder holds undamaged weights and an undamaged log."""
    try:
        read_table(folder / "training.parquet", schemas.LOG)
        load_tensors(folder / "weights.safetensors")
    except InputError:
        return False
    return True


def belongs(path: Path, fingerprint: Mapping[str, Any]) -> bool:
    """Return whether a saved state is undamaged and has this fingerprint."""
    try:
        load_state(path, fingerprint)
    except InputError:
        return False
    return True


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path}: the state of training could not be written ({error.strerror}); expected a disk with space; free "
            "some and run again (files saved earlier are unchanged)"
        ) from error


def save_state(path: Path, state: TrainingState, fingerprint: Mapping[str, Any]) -> None:
    """Write everything that training continues from, atomically.

    Parameters
    ----------
    path : Path
    state : TrainingState
    fingerprint : mapping
        What the run depends on; :func:`load_state` refuses a file with another one.

    Raises
    ------
    InputError
        If a loss is not finite or the file cannot be written; an older file then stays.
    """
    text = json.dumps({"images_seen": state.images_seen, "fingerprint": fingerprint}, sort_keys=True)
    tensors = state.tensors()
    with _written(path):
        save_tensors(path, tensors, {"snapshot": text})


def load_state(path: Path, fingerprint: Mapping[str, Any]) -> SavedState:
    """Read a saved state.

    Parameters
    ----------
    path : Path
    fingerprint : mapping
        What the run depends on now.

    Raises
    ------
    InputError
        If the file is absent or damaged, or has another fingerprint.
    """
    return _checked(path, *_read(path), fingerprint)


def load_unfinished(side_file: Path, fingerprint: Mapping[str, Any], *, after: int) -> SavedState | None:
    """Read the state of an unfinished segment; None if there is none with more than `after` images seen.

    A damaged file is set aside (:func:`read_or_set_aside`).

    Raises
    ------
    InputError
        If the file has another fingerprint.
    """
    content = read_or_set_aside(side_file)
    if content is None or content[0].images_seen <= after:
        return None
    saved = _checked(side_file, *content, fingerprint)
    logger.info("%s: training continues at images_seen %d", side_file, saved.images_seen)
    return saved


def read_or_set_aside(path: Path) -> tuple[SavedState, dict[str, Any]] | None:
    """Return the state and the fingerprint that an unfinished run saved; None if the file is absent or damaged.

    A damaged file is named in the log and renamed with the suffix ``.damaged``.
    """
    if not path.exists():
        return None
    try:
        return _read(path)
    except InputError as error:
        aside = path.with_name(path.name + ".damaged")
        path.replace(aside)
        logger.warning("%s; it is now %s, and training starts from the last checkpoint", error, aside)
        return None


def _read(path: Path) -> tuple[SavedState, dict[str, Any]]:
    tensors = load_tensors(path)
    text = load_metadata(path).get("snapshot")
    if text is None:
        raise InputError(f"{path}: other tensors were found; expected the state of a training; delete it and run again")
    head = json.loads(text)
    return SavedState(head["images_seen"], tensors), head["fingerprint"]


def _checked(path: Path, saved: SavedState, fingerprint: Mapping[str, Any], expected: Mapping[str, Any]) -> SavedState:
    now = json.loads(json.dumps(expected))  # with lists for tuples, as the file has them
    if changed := differences(fingerprint, now):
        changes = "; ".join(f"{key} was {before}, is {after}" for key, (before, after) in changed.items())
        raise InputError(
            f"{path}: trained with other settings ({changes}); expected the settings of now; restore them, or delete "
            "the file to train again"
        )
    return saved
