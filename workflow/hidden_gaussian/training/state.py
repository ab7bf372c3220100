"""The state of a training run."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from hidden_gaussian.errors import InputError

BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam
ALIGNMENT = 64 // 4  # weights start at multiples of 64 bytes, as vector units and GPUs like it


class Point(NamedTuple):
    """The loss of one step, or the mean of an interval that ends there."""

    images_seen: int
    loss: float  # per pixel
    learning_rate: float


@dataclass
class TrainingState:
    """Everything that training goes on from.

    The parameters of both networks, and their gradients, are views of three long tensors, so that a step of the
    optimiser, of the average or of a team of processes is one operation and not one a parameter.

    Parameters
    ----------
    network : Module
        Called as network(noisy, sigma, augment_labels); its ``options`` rebuild it.
    ema : Module
        The same network with exponentially averaged weights, which is what is measured, and the buffers of the start.
    weights, averages : Tensor of shape (size,)
        The parameters of `network` and of `ema`, with zeros between them.
    totals : Tensor of shape (size + 1,)
        The gradients, and the loss after them.
    optimiser : Adam
        Over `weights`.
    images_seen : int
        A multiple of the batch.
    curve : list of Point
        The intervals behind us.
    pending : list of (int, Tensor, float)
        The steps since, as Points whose losses wait on the device, so that no step waits for them.
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
        """Adam's count of steps and its running moments of the gradients."""
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
        for step, point in enumerate(points, self._steps() - len(points) + 1):
            if not math.isfinite(point.loss):
                raise InputError(
                    f"training.learning_rate: the loss became {point.loss} at step {step} (images_seen "
                    f"{point.images_seen}, learning rate {point.learning_rate:g}), expected a finite number: lower the "
                    "learning rate or lengthen training.warmup (the last state that was saved is kept)"
                )
        return points

    def _steps(self) -> int:
        return int(self.moments["step"])

    def log(self) -> list[Point]:
        """Return the whole curve, with the unfinished interval as its last point."""
        recent = self.recent()
        return [*self.curve, mean_point(recent)] if recent else self.curve


def _flattened(network: nn.Module) -> Tensor:
    """Lay the parameters end to end in one tensor, of which they become views, and return it."""
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
    """Return the weights of a convolution in the order in which it runs fastest, and others as they are."""
    return parameter.movedim(1, -1) if parameter.ndim == 4 else parameter


def mean_point(points: list[Point]) -> Point:
    """Return the mean loss of some steps, dated at the last of them."""
    return points[-1]._replace(loss=math.fsum(point.loss for point in points) / len(points))
