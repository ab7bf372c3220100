"""The probability-flow ODE, dx/dsigma = (x - D(x; sigma)) / sigma, from shared latents to samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import Denoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.noise_schedule import SOLVERS, sampler_levels


def latents(indices: Sequence[int], shape: Sequence[int], *, seed: int) -> Tensor:
    """Return the latents sigma_max * z that samples start from, the same for every denoiser.

    Parameters
    ----------
    indices : sequence of int
        Sample numbers.
    shape : sequence of int
        Channels, height, width.
    seed : int
        Root seed of the study.

    Returns
    -------
    Tensor of shape (len(indices), *shape), float32

    Examples
    --------
    >>> start = latents(range(4), (1, 8, 8), seed=0)
    >>> torch.equal(start[2:], latents([2, 3], (1, 8, 8), seed=0))
    True
    """
    return noise.SIGMA_MAX * noise.noise_for(indices, shape, seed=seed, purpose="latents")


def trajectory(denoiser: Denoiser, state: Tensor, sampler: str, begin: int = 0) -> Iterator[Tensor]:
    """Yield the states of a sampler, from the first one to the samples.

    Parameters
    ----------
    denoiser : Denoiser
        Defined at the sampler's noise levels; ``exact`` needs a GaussianDenoiser.
    state : Tensor of shape (batch, channels, height, width)
        The first state: latents at noise level 80, or states at a later level.
    sampler : str
        ``euler10`` (as Li et al. ran it), ``heun18`` or ``heun40`` (Karras et al. 2022, algorithm 1 without churn), or
        ``exact`` (the closed form at the levels of heun18).
    begin : int
        Index of the level of `state` in :func:`hidden_gaussian.noise_schedule.sampler_levels`.

    Raises
    ------
    InputError
        If there is no such sampler, or it cannot be used for this denoiser.

    Examples
    --------
    >>> states = list(trajectory(lambda noisy, sigma: 0 * noisy, torch.ones(1, 1, 2, 2), "euler10"))
    >>> len(states), float(states[-1].abs().max())
    (11, 0.0)
    """
    if sampler not in {*SOLVERS, "exact"}:
        raise InputError(f"there is no sampler {sampler!r}; expected one of {', '.join([*SOLVERS, 'exact'])}")
    sigmas = sampler_levels(sampler)[begin:]
    yield state.float()
    yield from _exact(denoiser, state, sigmas) if sampler == "exact" else _solved(denoiser, state, sampler, sigmas)


def _solved(denoiser: Denoiser, state: Tensor, sampler: str, sigmas: Sequence[float]) -> Iterator[Tensor]:
    state = state.double()  # float32 roundings at sigma 80 would show at sigma 0.002
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
    flow = getattr(denoiser, "flow", None)
    if flow is None:
        raise InputError("the sampler 'exact' is the closed form of a Gaussian denoiser; use heun18 for this one")
    for sigma in sigmas[1:]:
        yield flow(state.double(), sigmas[0], sigma).float()


def draw(denoiser: Denoiser, start: Tensor, sampler: str, begin: int = 0) -> Tensor:
    """Return the samples from some latents, or from states at a later level (see :func:`trajectory`).

    Returns
    -------
    Tensor of the shape of `start`, float32

    Examples
    --------
    >>> draw(lambda noisy, sigma: 0 * noisy + 0.5, latents(range(2), (1, 2, 2), seed=0), "heun18").unique()
    tensor([0.5000])
    """
    final = start
    for state in trajectory(denoiser, start, sampler, begin):
        final = state
    return final


def draw_with_trajectories(
    denoiser: Denoiser, start: Tensor, sampler: str, *, count: int, batch: int = 256
) -> tuple[Tensor, Tensor]:
    """Return the samples of all latents, and the trajectories of the first `count`.

    Returns
    -------
    samples : Tensor of shape (len(start), channels, height, width)
    trajectories : Tensor of shape (count, steps + 1, channels, height, width)

    Examples
    --------
    >>> start = latents(range(8), (1, 2, 2), seed=0)
    >>> samples, trajectories = draw_with_trajectories(lambda y, sigma: y / 2, start, "euler10", count=2)
    >>> samples.shape, trajectories.shape
    (torch.Size([8, 1, 2, 2]), torch.Size([2, 11, 1, 2, 2]))
    """
    states = torch.stack(list(trajectory(denoiser, start[:count], sampler)), dim=1)
    rest = [draw(denoiser, part, sampler) for part in torch.split(start[count:], batch) if len(part)]
    return torch.cat([states[:, -1], *rest]), states
