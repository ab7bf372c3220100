"""The state of a training run."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import Team

BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam
ALIGNMENT = 64 // 4  # float32 numbers in 64 bytes: vector units and GPUs are fastest where weights start at multiples


class Point(NamedTuple):
    """The loss of one step, or the mean over an interval that ends there."""

    images_seen: int
    loss: float  # per pixel
    learning_rate: float


class SavedState(NamedTuple):
    """The content of a state file: how many images were seen, and named tensors."""

    images_seen: int
    tensors: Mapping[str, Tensor]


@dataclass
class TrainingState:
    """Everything that training continues from.

    The parameters of both networks and their gradients are views of three flat tensors: the optimiser, the average
    and a team of processes then need one operation a step, not one a parameter.

    Parameters
    ----------
    network : Module
        Called as network(noisy, sigma, augment_labels); its ``options`` rebuild it.
    ema : Module
        The same network with exponentially averaged weights; this one is measured. Its buffers are the initial ones.
    weights, averages : Tensor of shape (size,)
        The parameters of `network` and of `ema`, with zeros between them.
    totals : Tensor of shape (size + 1,)
        The gradients, then the loss.
    optimiser : Adam
        Over `weights`.
    images_seen : int
        A multiple of the batch.
    curve : list of Point
        Mean losses of the finished intervals.
    pending : list of (int, Tensor, float)
        Points of the steps since then; their losses stay on the device, so that no step waits for it.
    """

    network: nn.Module
    ema: nn.Module
    weights: nn.Parameter
    averages: Tensor
    totals: Tensor
    optimiser: torch.optim.Adam
    images_seen: int = 0
    curve: list[Point] = field(default_factory=list)
    pending: list[tuple[int, Tensor, float]] = field(default_factory=list)

    @classmethod
    def start(cls, network: nn.Module, device: torch.device | str = "cpu") -> TrainingState:
        """Return the state of an untrained network, moved to the device."""
        network = network.to(device).train().requires_grad_(True)
        ema = copy.deepcopy(network).eval().requires_grad_(False)
        weights, averages = nn.Parameter(_flattened(network)), _flattened(ema)
        totals = weights.new_zeros(len(weights) + 1)
        weights.grad = totals[:-1]
        for parameter, gradient in zip(network.parameters(), _views(weights.grad, network), strict=True):
            parameter.grad = gradient
        optimiser = torch.optim.Adam([weights], betas=BETAS, eps=EPSILON, fused=True)
        moments = {name: torch.zeros_like(weights.grad) for name in ("exp_avg", "exp_avg_sq")}
        optimiser.state[weights] = {"step": weights.new_zeros(()).detach(), **moments}
        return cls(network, ema, weights, averages, totals, optimiser)

    def restore(self, saved: SavedState) -> None:
        """Continue from a saved state of a network with the same options."""
        self.network.load_state_dict(_part(saved.tensors, "network."))
        self.ema.load_state_dict(_part(saved.tensors, "ema."))
        for name, tensor in _part(saved.tensors, "adam.").items():
            self.moments[name].copy_(tensor)
        self.images_seen = saved.images_seen
        self.curve = _points(_part(saved.tensors, "curve."))
        self.pending = [
            (seen, torch.tensor(loss, device=self.device), rate)
            for seen, loss, rate in _points(_part(saved.tensors, "pending."))
        ]

    def tensors(self) -> dict[str, Tensor]:
        """Return what :meth:`restore` needs, by name; InputError if a loss is not finite."""
        return {
            **{f"network.{name}": tensor for name, tensor in self.network.state_dict().items()},
            **{f"ema.{name}": tensor for name, tensor in self.ema.state_dict().items()},
            **_columns("curve", self.curve),
            **_columns("pending", self.recent()),
            **{f"adam.{name}": tensor for name, tensor in self.moments.items()},
        }

    def share(self, team: Team) -> None:
        """Take over weights, moments and images seen from the first process of a team."""
        seen = torch.tensor(self.images_seen, device=self.device)
        team.broadcast_(seen, self.weights.data, self.averages, *self.moments.values())
        self.images_seen = int(seen)

    @property
    def options(self) -> dict[str, Any]:
        """The options that rebuild the network."""
        return cast("dict[str, Any]", self.network.options)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.weights.device

    @property
    def moments(self) -> dict[str, Tensor]:
        """Adam's step count and its running moments of the gradients."""
        return cast("dict[str, Tensor]", self.optimiser.state[self.weights])

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
        for step, point in enumerate(points, int(self.moments["step"]) - len(points) + 1):
            if not math.isfinite(point.loss):
                raise InputError(
                    f"training.learning_rate: the loss is {point.loss} at step {step} (images_seen "
                    f"{point.images_seen}, learning rate {point.learning_rate:g}); expected a finite number; lower "
                    "the learning rate or lengthen training.warmup (the last saved state is unchanged)"
                )
        return points

    def log(self) -> list[Point]:
        """Return the whole curve, with the unfinished interval as its last point."""
        recent = self.recent()
        return [*self.curve, mean_point(recent)] if recent else self.curve


def _flattened(network: nn.Module) -> Tensor:
    """Copy the parameters into one flat tensor, make them views of it, and return it."""
    parts = [_channels_last(parameter.detach()).flatten() for parameter in network.parameters()]
    flat = torch.cat([nn.functional.pad(part, (0, -len(part) % ALIGNMENT)) for part in parts])
    for parameter, view in zip(network.parameters(), _views(flat, network), strict=True):
        parameter.data = view
    return flat


def _views(flat: Tensor, network: nn.Module) -> Iterator[Tensor]:
    start = 0
    for parameter in network.parameters():
        size, ordered = parameter.numel(), _channels_last(parameter)
        part = flat[start : start + size].view(ordered.shape)
        yield part.movedim(-1, 1) if ordered.ndim == 4 else part
        start += size + -size % ALIGNMENT


def _channels_last(parameter: Tensor) -> Tensor:
    """Return the weights of a convolution in the order in which it runs fastest; other tensors unchanged."""
    return parameter.movedim(1, -1) if parameter.ndim == 4 else parameter


def mean_point(points: list[Point]) -> Point:
    """Return the last of some steps with their mean loss."""
    return points[-1]._replace(loss=math.fsum(point.loss for point in points) / len(points))


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
