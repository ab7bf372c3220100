"""The state of a training run and its files."""

from __future__ import annotations

import copy
import json
import logging
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import pandas as pd
import torch
from torch import Tensor, nn

from hidden_gaussian import files, tables
from hidden_gaussian.errors import InputError

BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam

logger = logging.getLogger(__name__)


class Point(NamedTuple):
    """The loss of one step, or the mean of an interval that ends there."""

    images_seen: int
    loss: float  # per pixel
    learning_rate: float


@dataclass
class TrainingState:
    """Everything that training goes on from.

    Parameters
    ----------
    network : Module
        Called as network(noisy, sigma, augment_labels); its ``options`` rebuild it.
    ema : Module
        The same network with exponentially averaged weights, which is what is measured; buffers are constants.
    optimiser : Adam
        Over the network's parameters.
    images_seen : int
        A multiple of the batch.
    curve : list of Point
        The intervals behind us.
    pending : list of (int, Tensor, float)
        The steps since, as Points whose losses wait on the device, so that no step waits for them.
    """

    network: nn.Module
    ema: nn.Module
    optimiser: torch.optim.Adam
    images_seen: int = 0
    curve: list[Point] = field(default_factory=list)
    pending: list[tuple[int, Tensor, float]] = field(default_factory=list)

    @classmethod
    def start(cls, network: nn.Module, device: torch.device | str = "cpu") -> TrainingState:
        """Return the state of an untrained network, moved to the device."""
        network = network.to(device).train().requires_grad_(True)
        ema = copy.deepcopy(network).eval().requires_grad_(False)
        return cls(network, ema, torch.optim.Adam(network.parameters(), betas=BETAS, eps=EPSILON, fused=True))

    @property
    def options(self) -> dict[str, Any]:
        """The options that rebuild the network."""
        return cast("dict[str, Any]", self.network.options)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def recent(self) -> list[Point]:
        """Wait for the device and return the pending steps.

        Raises
        ------
        InputError
            If a loss is not finite; so a diverged state is never saved.
        """
        if not self.pending:
            return []
        losses = torch.stack([loss for _, loss, _ in self.pending]).tolist()
        points = [Point(seen, loss, rate) for (seen, _, rate), loss in zip(self.pending, losses, strict=True)]
        for step, point in enumerate(points, self._steps() - len(points) + 1):
            if not math.isfinite(point.loss):
                raise InputError(
                    f"training.learning_rate: the loss became {point.loss} at step {step} (images_seen "
                    f"{point.images_seen}, learning rate {point.learning_rate:g}), expected a finite number: lower the "
                    "learning rate or lengthen training.warmup (the last state that was saved is kept)"
                )
        return points

    def _steps(self) -> int:
        return int(next(iter(self.optimiser.state.values()))["step"])

    def log(self) -> list[Point]:
        """Return the whole curve, with the unfinished interval as its last point."""
        recent = self.recent()
        return [*self.curve, mean_point(recent)] if recent else self.curve


def mean_point(points: list[Point]) -> Point:
    """Return the mean loss of some steps, dated at the last of them."""
    return points[-1]._replace(loss=math.fsum(point.loss for point in points) / len(points))


def save_outputs(folder: Path, state: TrainingState, fingerprint: Mapping[str, Any]) -> None:
    """Write a snapshot: ``weights.safetensors`` (EMA), ``state.safetensors`` and ``training.parquet``."""
    tables.write_log(folder / "training.parquet", pd.DataFrame(state.log(), columns=list(Point._fields)))
    weights = {name: tensor.float() for name, tensor in state.ema.state_dict().items()}
    files.save_tensors(folder / "weights.safetensors", weights, {"options": json.dumps(state.options, sort_keys=True)})
    save_state(folder / "state.safetensors", state, fingerprint)


def are_whole(folder: Path, fingerprint: Mapping[str, Any]) -> bool:
    """Tell whether a folder holds the three files of a snapshot, sound and of this fingerprint."""
    try:
        tables.read_table(folder / "training.parquet", tables.LOG)
        files.load_metadata(folder / "weights.safetensors")
        head, _ = _read(folder / "state.safetensors")
    except InputError:
        return False
    return bool(head["fingerprint"] == json.loads(json.dumps(fingerprint)))


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
        If a loss is not finite; an older file is then left in place.
    """
    tensors = {
        **{f"network.{name}": tensor for name, tensor in state.network.state_dict().items()},
        **{f"ema.{name}": tensor for name, tensor in state.ema.state_dict().items()},
        **_columns("curve", state.curve),
        **_columns("pending", state.recent()),
    }
    for name, parameter in state.network.named_parameters():
        for moment, tensor in state.optimiser.state.get(parameter, {}).items():
            tensors[f"adam.{moment}.{name}"] = tensor
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    head = {"images_seen": state.images_seen, "fingerprint": fingerprint}
    text = json.dumps({**head, "checksum": _checksum(head, tensors)}, sort_keys=True)
    files.save_tensors(path, tensors, {"snapshot": text})


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

    A damaged file is named in the log and set aside with the suffix ``.damaged``; training then starts from `state`.

    Raises
    ------
    InputError
        If the file was written under another fingerprint.
    """
    if not side_file.exists():
        return
    try:
        head, tensors = _read(side_file)
    except InputError as error:
        aside = side_file.with_name(side_file.name + ".damaged")
        side_file.replace(aside)
        logger.warning("%s; it was set aside as %s, and training starts from the last snapshot", error, aside)
        return
    if head["images_seen"] > state.images_seen:
        _take_up(side_file, head, tensors, state, fingerprint)
        logger.info("going on from %s at images_seen %d", side_file, state.images_seen)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    tensors = files.load_tensors(path)
    text = files.load_metadata(path).get("snapshot", "")
    try:
        head: dict[str, Any] = json.loads(text)
        sound = head.pop("checksum") == _checksum(head, tensors)
    except (ValueError, KeyError):
        sound = False
    if not sound:
        raise InputError(f"{path} is damaged (its checksum does not fit its content): delete it and run again")
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
    groups = state.optimiser.state_dict()["param_groups"]
    state.optimiser.load_state_dict({"state": _moments(tensors, state.network), "param_groups": groups})
    state.images_seen = head["images_seen"]
    state.curve = _points(_part(tensors, "curve."))
    state.pending = [
        (seen, torch.tensor(loss, device=state.device), rate)
        for seen, loss, rate in _points(_part(tensors, "pending."))
    ]


def _moments(tensors: dict[str, Tensor], network: nn.Module) -> dict[int, dict[str, Tensor]]:
    """Return Adam's state as its ``load_state_dict`` expects it: by the number of the parameter."""
    numbers = {name: number for number, (name, _) in enumerate(network.named_parameters())}
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _part(tensors, "adam.").items():
        moment, parameter = name.split(".", 1)
        moments.setdefault(numbers[parameter], {})[moment] = tensor
    return moments


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


def _checksum(head: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> int:
    """Return a CRC-32 of head, names and bytes: the file format itself does not notice a changed byte."""
    checksum = zlib.crc32(json.dumps(head, sort_keys=True).encode())
    for name in sorted(tensors):
        checksum = zlib.crc32(name.encode(), checksum)
        checksum = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, checksum)
    return checksum


def _differences(found: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in sorted({*found, *now}):
        before, after = found.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key} was {before}, is {after}"
