"""The files of a training run: snapshots, and the state that an unfinished stretch goes on from."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import load_metadata, load_tensors, read_table, save_tensors, schemas, write_log
from hidden_gaussian.training.state import Point, TrainingState

logger = logging.getLogger(__name__)


def save_outputs(folder: Path, state: TrainingState, fingerprint: Mapping[str, Any]) -> None:
    """Write a snapshot: ``weights.safetensors`` (EMA), ``state.safetensors`` and ``training.parquet``.

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
    """Tell whether a folder holds the three files of a snapshot, sound and of this fingerprint."""
    return has_outputs(folder) and belongs(folder / "state.safetensors", fingerprint)


def has_outputs(folder: Path) -> bool:
    """Tell whether a folder holds sound weights and a sound log."""
    try:
        read_table(folder / "training.parquet", schemas.LOG)
        load_tensors(folder / "weights.safetensors")
    except InputError:
        return False
    return True


def belongs(path: Path, fingerprint: Mapping[str, Any]) -> bool:
    """Tell whether a saved state is sound and of this fingerprint."""
    try:
        head, _ = _read(path)
    except InputError:
        return False
    return bool(head["fingerprint"] == json.loads(json.dumps(fingerprint)))


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path}: the state of training could not be written ({error.strerror}): make room and run again; what was "
            "saved before is as it was"
        ) from error


def save_state(path: Path, state: TrainingState, fingerprint: Mapping[str, Any]) -> None:
    """Write everything that training goes on from, atomically.

    Parameters
    ----------
    path : Path
    state : TrainingState
    fingerprint : mapping
        What the run depends on; :func:`load_state` refuses a file with another one.

    Raises
    ------
    InputError
        If a loss is not finite or the file cannot be written; an older file is then left in place.
    """
    tensors = {
        **{f"network.{name}": tensor for name, tensor in state.network.state_dict().items()},
        **{f"ema.{name}": tensor for name, tensor in state.ema.state_dict().items()},
        **_columns("curve", state.curve),
        **_columns("pending", state.recent()),
    }
    tensors |= {f"adam.{name}": tensor for name, tensor in state.moments.items()}
    text = json.dumps({"images_seen": state.images_seen, "fingerprint": fingerprint}, sort_keys=True)
    with _written(path):
        save_tensors(path, tensors, {"snapshot": text})


def load_state(path: Path, state: TrainingState, fingerprint: Mapping[str, Any]) -> None:
    """Take up a saved state.

    Parameters
    ----------
    path : Path
    state : TrainingState
        Of a network with the same options; overwritten.
    fingerprint : mapping
        What the run depends on now.

    Raises
    ------
    InputError
        If the file is absent or damaged, or was written under another fingerprint.
    """
    _take_up(path, *_read(path), state, fingerprint)


def resume(side_file: Path, state: TrainingState, fingerprint: Mapping[str, Any]) -> None:
    """Take up an unfinished stretch, if its file is there and further than the state.

    A damaged file is set aside (:func:`read_or_set_aside`); training then starts from `state`.

    Raises
    ------
    InputError
        If the file was written under another fingerprint.
    """
    found = read_or_set_aside(side_file)
    if found is None:
        return
    head, tensors = found
    if head["images_seen"] > state.images_seen:
        _take_up(side_file, head, tensors, state, fingerprint)
        logger.info("going on from %s at images_seen %d", side_file, state.images_seen)


def read_or_set_aside(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Return the head and the tensors of a state that an unfinished run left; nothing if there is none that is sound.

    A damaged file is named in the log and set aside with the suffix ``.damaged``.
    """
    if not path.exists():
        return None
    try:
        return _read(path)
    except InputError as error:
        aside = path.with_name(path.name + ".damaged")
        path.replace(aside)
        logger.warning("%s; it was set aside as %s, and training starts from the last snapshot", error, aside)
        return None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    tensors = load_tensors(path)
    text = load_metadata(path).get("snapshot")
    if text is None:
        raise InputError(f"{path} is no state of a training: delete it and run again")
    head: dict[str, Any] = json.loads(text)
    return head, tensors


def _take_up(
    path: Path,
    head: dict[str, Any],
    tensors: dict[str, Tensor],
    state: TrainingState,
    fingerprint: Mapping[str, Any],
) -> None:
    now = json.loads(json.dumps(fingerprint))
    if head["fingerprint"] != now:
        raise InputError(
            f"{path} was trained under other settings ({'; '.join(_differences(head['fingerprint'], now))}): "
            "restore them, or delete it to train anew"
        )
    state.network.load_state_dict(_part(tensors, "network."))
    state.ema.load_state_dict(_part(tensors, "ema."))
    for name, tensor in _part(tensors, "adam.").items():
        state.moments[name].copy_(tensor)
    state.images_seen = head["images_seen"]
    state.curve = _points(_part(tensors, "curve."))
    state.pending = [
        (seen, torch.tensor(loss, device=state.device), rate)
        for seen, loss, rate in _points(_part(tensors, "pending."))
    ]


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _columns(prefix: str, points: list[Point]) -> dict[str, Tensor]:
    types = (torch.int64, torch.float64, torch.float64)
    columns = zip(*points, strict=True) if points else ([], [], [])
    return {
        f"{prefix}.{name}": torch.tensor(list(column), dtype=kind)
        for name, kind, column in zip(Point._fields, types, columns, strict=True)
    }


def _points(columns: Mapping[str, Tensor]) -> list[Point]:
    return [Point(*row) for row in zip(*(columns[name].tolist() for name in Point._fields), strict=True)]


def _differences(found: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in sorted({*found, *now}):
        before, after = found.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key} was {before}, is {after}"
