"""Local slopes of a denoiser: its Taylor map at the mean image, and singular vectors along the sampler's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import Denoiser, LinearDenoiser, differentiable
from hidden_gaussian.distillation import Rows, blocks, gaussian_rows, probes
from hidden_gaussian.jobs import progress_bar
from hidden_gaussian.measurement.noised_batch import NoisedBatch, Target
from hidden_gaussian.metrics import Singular, leading, overlap_quantities, overlaps, padded, squared
from hidden_gaussian.settings import Jacobian

SAMPLER = "euler10"  # its ten levels are those of the distilled maps
STEPS = (0.5, 1.0, 2.0)  # lengths of a push along a singular vector, in standard deviations of noisy images there
BATCH = 64  # images whose derivatives are taken at a time
SHOWN = 3  # singular vectors that are kept as images


@dataclass(frozen=True)
class Slope:
    """The Jacobian J of a denoiser at one state, by its products; it is never held whole.

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

    def singular(self, vectors: Tensor, count: int, rounds: int) -> Singular:
        """Return the leading singular values and vectors of J, looked for from the principal components on."""
        start = padded(vectors, count).to(self.state)
        return leading(self.forward, self.backward, start, min(count, len(vectors)), rounds=rounds)

    def _evaluate(self) -> Callable[[Tensor], Tensor]:
        denoiser = differentiable(self.denoiser)
        return lambda noisy: denoiser(noisy, self.sigma)

    def _images(self, directions: Tensor) -> Tensor:
        return directions.T.to(self.state).reshape(-1, *self.state.shape)

    def _repeated(self, directions: Tensor) -> Tensor:
        return self.state.expand(directions.shape[1], *self.state.shape).contiguous()


def measure_slopes(
    subject: Target,
    clean: Mapping[str, Tensor],
    linear: LinearDenoiser,
    trajectories: Tensor,
    settings: Jacobian,
    *,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, Tensor]]:
    """Return the shard of local slopes of one denoiser, and images that show them.

    Parameters
    ----------
    subject : Target
        The denoiser and what it is compared with.
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
    shard : DataFrame
    images : dict of Tensor of shape (levels, latents, ..., channels, height, width)
        ``state``, ``denoised``, the first left singular ``vectors``, and outputs ``pushed`` along the first one there
        and back by the longest step (Li et al. Fig. 28 to 30).
    """
    frames: list[pd.DataFrame] = []
    images: dict[str, list[Tensor]] = {"state": [], "denoised": [], "vectors": [], "pushed": []}
    with progress_bar(f"slopes of {subject.id}", 10) as done:
        for level, sigma in enumerate(noise.schedule(10).tolist()):
            taylor = Slope(subject.denoiser, subject.mean.float(), sigma)
            frames += _taylor(subject, taylor, linear, settings.probes)
            for inputs, chosen in clean.items():
                noised = NoisedBatch.of(inputs, chosen, sigma, draws=1, seed=seed)
                frames.append(_taylor_outputs(subject, taylor, linear, noised))
            states = trajectories[: settings.states, level].to(subject.mean.device)
            for name, parts in _along(subject, states, sigma, settings, frames).items():
                images[name].append(parts)
            done(level + 1)
    return pd.concat(frames, ignore_index=True), {name: torch.stack(parts) for name, parts in images.items()}


def _taylor(subject: Target, taylor: Slope, linear: LinearDenoiser, count: int) -> Iterator[pd.DataFrame]:
    """Yield squared Frobenius distances of J(mu) to W_G and to the distilled W, along random directions."""
    directions = probes(subject.mean.numel(), count).to(subject.mean.device)
    own = taylor.forward(directions)
    weight = linear.weights[linear.level(taylor.sigma)]
    others: dict[str, Rows] = {
        subject.gaussian_id: gaussian_rows(subject.gaussian, taylor.sigma),
        f"{subject.id}/linear": weight.__getitem__,
    }
    for name, rows in others.items():
        gap = 0.0
        for part in blocks(len(own)):
            gap += float((own[part] - rows(part).to(directions) @ directions).square().sum())
        values = {"slope_gap": gap / count, "slope_weight": float(own.square().sum()) / count}
        place = {"id": subject.id, "reference_id": name, "sigma": taylor.sigma, "image": -1, "draw": 0}
        yield pd.DataFrame({**place, "quantity": list(values), "value": list(values.values())})


def _taylor_outputs(subject: Target, taylor: Slope, linear: LinearDenoiser, noised: NoisedBatch) -> pd.DataFrame:
    """Return squared distances of T(y) = D(mu) + J(mu) (y - mu) to the denoiser, the Gaussian's and the distilled."""
    centre = subject.denoiser(subject.mean[None].float(), taylor.sigma)
    steps = (noised.noisy - subject.mean).flatten(1).T
    mapped = centre + taylor.forward(steps).T.reshape(noised.noisy.shape)
    denoised = subject.denoiser(noised.noisy, taylor.sigma)
    frames = [noised.rows(subject.id, {"distance": squared(denoised - mapped)}, reference_id=f"{subject.id}/taylor")]
    others: dict[str, Denoiser] = {subject.gaussian_id: subject.gaussian, f"{subject.id}/linear": linear}
    for name, other in others.items():
        gap = squared(mapped - other(noised.noisy, taylor.sigma))
        frames.append(noised.rows(subject.id, {"taylor_distance": gap}, reference_id=name))
    return pd.concat(frames, ignore_index=True)


def _along(
    subject: Target, states: Tensor, sigma: float, settings: Jacobian, frames: list[pd.DataFrame]
) -> dict[str, Tensor]:
    """Add the rows of the slopes at some states of one level, and return what shows them."""
    shape, pushed, vectors = states.shape[1:], [], []
    for image, state in enumerate(states):
        slope = Slope(subject.denoiser, state, sigma)
        found = slope.singular(subject.gaussian.vectors, settings.components, settings.rounds)
        place: dict[str, Any] = {
            "id": subject.id,
            "inputs": "trajectory",
            "sampler": SAMPLER,
            "sigma": sigma,
            "image": image,
            "draw": 0,
        }
        frames += _overlap_rows(found.left, subject.gaussian.vectors, {**place, "reference_id": subject.gaussian_id})
        numbered = enumerate(found.values.tolist(), start=1)
        rows = [{"at": float(at), "quantity": "singular_value", "value": value} for at, value in numbered]
        frames.append(pd.DataFrame(rows).assign(**place, parameter="component"))
        ends, rows = _pushes(subject, slope, found.left[:, :1])
        frames.append(pd.DataFrame(rows).assign(**place, parameter="step"))
        pushed.append(ends)
        vectors.append(found.left[:, :SHOWN].T.reshape(-1, *shape))
    denoised = subject.denoiser(states, sigma)
    return {"state": states, "denoised": denoised, "vectors": torch.stack(vectors), "pushed": torch.stack(pushed)}


def _overlap_rows(left: Tensor, vectors: Tensor, place: Mapping[str, object]) -> Iterator[pd.DataFrame]:
    for rank, overlap in overlaps(left, vectors).items():
        values = overlap_quantities(overlap, rank, len(left))
        columns = {"quantity": list(values), "value": list(values.values())}
        yield pd.DataFrame({**place, "parameter": "rank", "at": float(rank), **columns})


def _pushes(subject: Target, slope: Slope, direction: Tensor) -> tuple[Tensor, list[dict[str, object]]]:
    """Return what a push of the state along a direction, there and back, does to the output, and what J says it does.

    The outputs are those of the longest step; the rows are ``step_gap`` |D(x + a u) - D(x - a u)|^2 and ``step_linear``
    |2 a J u|^2, which are equal where the denoiser is affine along u.
    """
    variance = ((subject.gaussian.vectors.T @ direction.to(subject.gaussian.vectors))[:, 0].square()) @ (
        subject.gaussian.values
    )
    length = float((variance + slope.sigma**2).sqrt())
    mapped = float(slope.forward(direction).square().sum())
    unit, rows, ends = direction[:, 0].reshape(slope.state.shape), [], slope.state[None]
    for step in STEPS:
        move = step * length * unit
        ends = subject.denoiser(torch.stack([slope.state + move, slope.state - move]), slope.sigma)
        gap = float(squared(ends[:1] - ends[1:]))
        rows.append({"at": step, "quantity": "step_gap", "value": gap})
        rows.append({"at": step, "quantity": "step_linear", "value": (2 * step * length) ** 2 * mapped})
    return ends, rows


def ceiling_rows(identifier: str, vectors: Tensor, other_id: str, other: Tensor) -> pd.DataFrame:
    """Return the overlap of the principal components of two disjoint subsets: what a second sample would have reached.

    Parameters
    ----------
    vectors, other : Tensor of shape (d, k)
        Principal components of the denoiser's subset, and of the same number of other images.
    other_id : str
        The Gaussian of those.
    """
    values = [
        {"at": float(rank), "quantity": name, "value": number}
        for rank, overlap in overlaps(vectors, other).items()
        for name, number in (("overlap_ceiling", overlap), ("overlap_whole", float(rank)))
    ]
    columns = ["at", "quantity", "value"]
    place: dict[str, Any] = {"id": identifier, "reference_id": other_id, "parameter": "rank", "image": -1, "draw": 0}
    return pd.DataFrame(values, columns=columns).assign(**place)
