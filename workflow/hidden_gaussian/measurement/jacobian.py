"""The Jacobian of a denoiser: its Taylor map at the mean image, and singular vectors along sampling trajectories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import Denoiser, LinearDenoiser, differentiable
from hidden_gaussian.distillation import Rows, blocks, gaussian_rows, probes
from hidden_gaussian.jobs import progress_bar
from hidden_gaussian.measurement.noised_batch import NoisedBatch, ShardAndImages, Target
from hidden_gaussian.metrics import (
    SingularTriplets,
    leading_triplets,
    overlap_quantities,
    pad_basis,
    squared_norm,
    subspace_overlaps,
)
from hidden_gaussian.settings import Jacobian
from hidden_gaussian.storage import shard_rows

SAMPLER = "euler10"  # visits the ten levels of the distilled maps
STEPS = (0.5, 1.0, 2.0)  # along a singular vector, in standard deviations of noisy images in that direction
BATCH = 64  # directions at a time
SHOWN = 3  # singular vectors that are kept as images


@dataclass(frozen=True)
class LocalJacobian:
    """The Jacobian J of a denoiser at one state, by its products; J is never stored whole.

    Attributes
    ----------
    denoiser : Denoiser
    state : Tensor of shape (channels, height, width)
    sigma : float
    """

    denoiser: Denoiser
    state: Tensor
    sigma: float

    def forward(self, directions: Tensor) -> Tensor:
        """Return J V for V of shape (d, k), by forward derivatives of a batch of equal states."""
        evaluate = self._evaluate()
        parts = [
            torch.func.jvp(evaluate, (self._repeated(part),), (self._images(part),))[1]
            for part in torch.split(directions, BATCH, dim=1)
        ]
        return torch.cat(parts).flatten(1).T.to(directions)

    def backward(self, directions: Tensor) -> Tensor:
        """Return J^T U for U of shape (d, k), by reverse derivatives."""
        evaluate = self._evaluate()
        parts = [
            torch.func.vjp(evaluate, self._repeated(part))[1](self._images(part))[0]
            for part in torch.split(directions, BATCH, dim=1)
        ]
        return torch.cat(parts).flatten(1).T.to(directions)

    def singular(self, vectors: Tensor, count: int, rounds: int) -> SingularTriplets:
        """Return the leading singular values and vectors of J; the iteration starts at the principal components."""
        start = pad_basis(vectors, count).to(self.state)
        return leading_triplets(self.forward, self.backward, start, min(count, len(vectors)), rounds=rounds)

    def _evaluate(self) -> Callable[[Tensor], Tensor]:
        denoiser = differentiable(self.denoiser)
        return lambda noisy: denoiser(noisy, self.sigma)

    def _images(self, directions: Tensor) -> Tensor:
        return directions.T.to(self.state).reshape(-1, *self.state.shape)

    def _repeated(self, directions: Tensor) -> Tensor:
        return self.state.expand(directions.shape[1], *self.state.shape).contiguous()


def jacobian_measurements(
    target: Target,
    clean: Mapping[str, Tensor],
    linear: LinearDenoiser,
    trajectories: Tensor,
    settings: Jacobian,
    *,
    seed: int,
) -> ShardAndImages:
    """Return the measurements of the Jacobians of one denoiser, and images that show them.

    Parameters
    ----------
    target : Target
        The denoiser and the references that it is compared with.
    clean : mapping of str to Tensor of shape (images, channels, height, width)
        Clean images by kind of input.
    linear : LinearDenoiser, distilled from the denoiser at the ten levels
    trajectories : Tensor of shape (latents, 11, channels, height, width)
        States of the ten-step Euler sampler.
    settings : Jacobian
    seed : int
        Root seed of the study.

    Returns
    -------
    ShardAndImages
        Images of shape (levels, latents, ..., channels, height, width): ``state``, ``denoised``, the first left
        singular ``vectors``, and the outputs ``pushed``, for the longest step along the first vector and back
        (Li et al. Fig. 28 to 30).
    """
    frames: list[pd.DataFrame] = []
    levels: list[dict[str, Tensor]] = []
    with progress_bar(f"Jacobians of {target.id}", 10) as done:
        for level, sigma in enumerate(noise.schedule(10).tolist()):
            taylor = LocalJacobian(target.denoiser, target.mean.float(), sigma)
            frames += _weight_rows(target, taylor, linear, settings.probes)
            for inputs, images in clean.items():
                noised = NoisedBatch.of(inputs, images, sigma, draws=1, seed=seed)
                frames += _taylor_rows(target, taylor, linear, noised)
            states = trajectories[: settings.states, level].to(target.mean.device)
            rows, shown = _measure_states(target, states, sigma, settings)
            frames += rows
            levels.append(shown)
            done(level + 1)
    stacked = {name: torch.stack([images[name] for images in levels]) for name in levels[0]}
    return ShardAndImages(pd.concat(frames, ignore_index=True), stacked)


def _weight_rows(target: Target, taylor: LocalJacobian, linear: LinearDenoiser, count: int) -> Iterator[pd.DataFrame]:
    """Yield squared Frobenius distances of J(mu) to W_G and to the distilled W, along random directions."""
    directions = probes(target.mean.numel(), count).to(target.mean.device)
    own = taylor.forward(directions)
    weight = linear.weights[linear.level(taylor.sigma)]
    others: dict[str, Rows] = {
        target.gaussian_id: gaussian_rows(target.gaussian, taylor.sigma),
        f"{target.id}/linear": weight.__getitem__,
    }
    for name, rows in others.items():
        gap = 0.0
        for part in blocks(len(own)):
            gap += float((own[part] - rows(part).to(directions) @ directions).square().sum())
        values = {"slope_gap": gap / count, "slope_weight": float(own.square().sum()) / count}
        yield shard_rows(target.id, values, reference_id=name, sigma=taylor.sigma)


def _taylor_rows(
    target: Target, taylor: LocalJacobian, linear: LinearDenoiser, noised: NoisedBatch
) -> Iterator[pd.DataFrame]:
    """Yield squared distances of T(y) = D(mu) + J(mu) (y - mu) to the denoiser, the Gaussian and the distilled map."""
    centre = target.denoiser(target.mean[None].float(), taylor.sigma)
    steps = (noised.noisy - target.mean).flatten(1).T
    mapped = centre + taylor.forward(steps).T.reshape(noised.noisy.shape)
    gap = squared_norm(target.denoiser(noised.noisy, taylor.sigma) - mapped)
    yield noised.rows(target.id, {"distance": gap}, reference_id=f"{target.id}/taylor")
    others: dict[str, Denoiser] = {target.gaussian_id: target.gaussian, f"{target.id}/linear": linear}
    for name, other in others.items():
        gap = squared_norm(mapped - other(noised.noisy, taylor.sigma))
        yield noised.rows(target.id, {"taylor_distance": gap}, reference_id=name)


def _measure_states(
    target: Target, states: Tensor, sigma: float, settings: Jacobian
) -> tuple[list[pd.DataFrame], dict[str, Tensor]]:
    """Return the rows of the Jacobians at some states of one level, and images that show them."""
    frames, pushed, vectors = [], [], []
    for image, state in enumerate(states):
        jacobian = LocalJacobian(target.denoiser, state, sigma)
        singular = jacobian.singular(target.gaussian.vectors, settings.components, settings.rounds)
        rows = partial(shard_rows, target.id, image=image, inputs="trajectory", sampler=SAMPLER, sigma=sigma)
        for rank, overlap in subspace_overlaps(singular.left, target.gaussian.vectors).items():
            quantities = overlap_quantities(overlap, rank, len(singular.left))
            frames.append(rows(quantities, reference_id=target.gaussian_id, parameter="rank", at=float(rank)))
        values, component = singular.values.cpu().numpy(), np.arange(1.0, len(singular.values) + 1)
        frames.append(rows({"singular_value": values}, parameter="component", at=component))
        steps, outputs = _push(target, jacobian, singular.left[:, :1])
        frames += [rows(quantities, parameter="step", at=step) for step, quantities in steps.items()]
        pushed.append(outputs)
        vectors.append(singular.left[:, :SHOWN].T.reshape(-1, *states.shape[1:]))
    images = {"state": states, "denoised": target.denoiser(states, sigma)}
    return frames, images | {"vectors": torch.stack(vectors), "pushed": torch.stack(pushed)}


def _push(target: Target, jacobian: LocalJacobian, direction: Tensor) -> tuple[dict[float, dict[str, float]], Tensor]:
    """Return how the output changes when the state is pushed along a unit direction u, and how J predicts it to change.

    The quantities of each step a are ``step_gap`` |D(x + a u) - D(x - a u)|^2 and ``step_linear`` |2 a J u|^2, which
    are equal where the denoiser is affine along u. The outputs are those of the longest step.
    """
    variance = ((target.gaussian.vectors.T @ direction.to(target.gaussian.vectors))[:, 0].square()) @ (
        target.gaussian.values
    )
    length = float((variance + jacobian.sigma**2).sqrt())
    mapped = float(jacobian.forward(direction).square().sum())
    unit, outputs = direction[:, 0].reshape(jacobian.state.shape), jacobian.state[None]
    quantities = {}
    for step in STEPS:
        move = step * length * unit
        outputs = target.denoiser(torch.stack([jacobian.state + move, jacobian.state - move]), jacobian.sigma)
        gap = float(squared_norm(outputs[:1] - outputs[1:]))
        quantities[step] = {"step_gap": gap, "step_linear": (2 * step * length) ** 2 * mapped}
    return quantities, outputs


def ceiling_rows(identifier: str, vectors: Tensor, other_id: str, other: Tensor) -> Iterator[pd.DataFrame]:
    """Yield the overlap of the principal components of two disjoint subsets: what sampling error allows at most.

    Parameters
    ----------
    vectors, other : Tensor of shape (d, k)
        Principal components of the denoiser's subset, and of a disjoint subset of equal size.
    other_id : str
        Id of the other subset's Gaussian.
    """
    for rank, overlap in subspace_overlaps(vectors, other).items():
        quantities = {"overlap_ceiling": overlap, "overlap_whole": float(rank)}
        yield shard_rows(identifier, quantities, reference_id=other_id, parameter="rank", at=float(rank))
