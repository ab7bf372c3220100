"""The probability-flow ODE, dx/dsigma = (x - D(x; sigma)) / sigma, from shared latents to samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import Denoiser, GaussianDenoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.noise_schedule import SOLVERS, sampler_levels


def latents(indices: Sequence[int], shape: Sequence[int], *, seed: int) -> Tensor:
    """Return the starting points sigma_max * z of some samples, the same for every denoiser.

    Returns
    -------
    Tensor of shape (len(indices), *shape), float32
    """
    return noise.SIGMA_MAX * noise.noise_for(indices, shape, seed=seed, purpose="latents")


def trajectory(denoiser: Denoiser, state: Tensor, sampler: str, begin: int = 0) -> Iterator[Tensor]:
    """Yield the states of the sampler, from where it begins to the samples.

    Parameters
    ----------
    denoiser : Denoiser
        Must be defined at the sampler's noise levels; ``exact`` needs a GaussianDenoiser.
    state : Tensor of shape (batch, channels, height, width)
        At the level that the sampler begins with: the latents, at noise level 80, unless said.
    sampler : str
        ``euler10`` (as Li et al. ran it), ``heun18`` or ``heun40`` (Karras et al. 2022, algorithm 1 without churn), or
        ``exact`` (the closed form at the levels of heun18).
    begin : int
        Which of :func:`levels.sampler_levels` `state` is at.

    Raises
    ------
    InputError
        If there is no such sampler, or it cannot be used for this denoiser.
    """
    if sampler not in {*SOLVERS, "exact"}:
        raise InputError(f"there is no sampler {sampler!r}; choose one of {', '.join([*SOLVERS, 'exact'])}")
    sigmas = sampler_levels(sampler)[begin:]
    yield state.float()
    yield from _exact(denoiser, state, sigmas) if sampler == "exact" else _solved(denoiser, state, sampler, sigmas)


def _solved(denoiser: Denoiser, state: Tensor, sampler: str, sigmas: Sequence[float]) -> Iterator[Tensor]:
    state = state.double()  # thousands of float32 roundings at sigma 80 would show at sigma 0.002
    for sigma, following in pairwise(sigmas):
        slope = (state - denoiser(state.float(), sigma).double()) / sigma
        step = following - sigma
        moved = state + step * slope
        if SOLVERS[sampler][0] == "heun" and following > 0:
            corrected = (moved - denoiser(moved.float(), following).double()) / following
            moved = state + step * (slope + corrected) / 2
        state = moved
        yield state.float()


def _exact(denoiser: Denoiser, state: Tensor, sigmas: Sequence[float]) -> Iterator[Tensor]:
    if not isinstance(denoiser, GaussianDenoiser):
        raise InputError("the sampler 'exact' is the closed form of a Gaussian denoiser; use heun18 for this one")
    for sigma in sigmas[1:]:
        yield denoiser.flow(state.double(), sigmas[0], sigma).float()


def draw(denoiser: Denoiser, start: Tensor, sampler: str, begin: int = 0) -> Tensor:
    """Return the samples that start from given latents, or from states at a later level (see :func:`trajectory`).

    Returns
    -------
    Tensor of the shape of `start`, float32
    """
    final = start
    for state in trajectory(denoiser, start, sampler, begin):
        final = state
    return final


def draw_with_trajectories(
    denoiser: Denoiser, start: Tensor, sampler: str, *, kept: int, batch: int = 256
) -> tuple[Tensor, Tensor]:
    """Return samples of all latents, and the whole way of the first few.

    Returns
    -------
    samples : Tensor of shape (len(start), channels, height, width)
    trajectories : Tensor of shape (kept, steps + 1, channels, height, width)
    """
    way = torch.stack(list(trajectory(denoiser, start[:kept], sampler)), dim=1)
    rest = [draw(denoiser, part, sampler) for part in torch.split(start[kept:], batch) if len(part)]
    return torch.cat([way[:, -1], *rest]), way
