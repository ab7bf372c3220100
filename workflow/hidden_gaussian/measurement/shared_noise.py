"""One pass over shared noise: everything that is measured of one denoiser, one row per image, draw and quantity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import checked, diagnostics, is_defined
from hidden_gaussian.distillation import Fit
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import progress_bar
from hidden_gaussian.measurement.jacobian import SAMPLER
from hidden_gaussian.measurement.linear_maps import distillation_rows
from hidden_gaussian.measurement.noised_batch import NoisedBatch, Target
from hidden_gaussian.metrics import affinity_quantities, mixture_quantities, output_quantities, squared
from hidden_gaussian.settings import Distillation, Measures, unseen
from hidden_gaussian.statistics import mixing_blocks

BEYOND = 1e-5  # by which float32 rounding may bring a pixel out of [-1, 1]


def measure(
    subject: Target,
    clean: Mapping[str, Tensor],
    pools: Mapping[str, Tensor],
    settings: Measures,
    distil: Distillation | None,
    *,
    seed: int,
    kept: dict[str, Tensor] | None = None,
    way: Tensor | None = None,
) -> pd.DataFrame:
    """Return the shard of one denoiser.

    Parameters
    ----------
    subject : Target
        The denoiser and what it is compared with.
    clean : mapping of str to Tensor of shape (images, channels, height, width)
        Clean images by kind of input, in [-1, 1], on the device of the denoisers.
    pools : mapping of str to Tensor
        The images that linear maps are fitted to, by kind of input; of the kinds that none are fitted to, none.
    settings : Measures
        Noise levels, draws, weights of pairs. Levels at which the denoiser is not defined are left out.
    distil : Distillation or None
        None: no linear maps.
    seed : int
        Root seed of the study.
    kept : dict, optional
        Takes pictures of the descent, of the first kind of input not trained on and the level nearest to sigma = 4.
    way : Tensor of shape (latents, 11, channels, height, width), optional
        States of its ten-step Euler sampler, at which distances are measured too.

    Returns
    -------
    DataFrame with the columns of ``schemas.SHARD``

    Raises
    ------
    InputError
        If the denoiser is defined at none of the levels, or returns what no denoiser does; if the images are not in
        [-1, 1].
    """
    for name, images in clean.items():
        if not (images.abs() <= 1 + BEYOND).all():
            raise InputError(f"clean images '{name}' have pixels beyond [-1, 1]: pass v / 127.5 - 1, not v")
    tasks = _tasks(list(clean), settings, subject)
    frames: list[pd.DataFrame] = []
    count = settings.images * settings.draws
    pictured = _pictured(tasks, pools)
    with progress_bar(f"measure {subject.id}", len(tasks) * count) as done:
        for number, task in enumerate(tasks, start=1):
            pool = pools.get(task.inputs)
            taken = kept if task == pictured else None
            frames += _measured(subject, task, clean[task.inputs], pool, settings, distil, seed, taken)
            done(number * count)
    if way is not None:
        frames += _along(subject, way)
    return pd.concat(frames, ignore_index=True)


PICTURED = 4.0  # noise level near which the paper shows singular vectors


class _Task(NamedTuple):
    """A kind of input at a noise level: whether all is measured there, and whether the linearity of pairs is."""

    inputs: str
    sigma: float
    whole: bool
    paired: bool


def _pictured(tasks: Sequence[_Task], pools: Mapping[str, Tensor]) -> _Task | None:
    """Return the task whose descent is shown: images not trained on where there are any, the level nearest to 4."""
    if not pools:
        return None
    inputs = unseen(pools)
    chosen = [task for task in tasks if task.whole and task.inputs == inputs]
    return min(chosen, key=lambda task: abs(math.log(task.sigma / PICTURED)), default=None)


def _measured(
    subject: Target,
    task: _Task,
    clean: Tensor,
    pool: Tensor | None,
    settings: Measures,
    distil: Distillation | None,
    seed: int,
    kept: dict[str, Tensor] | None,
) -> Iterator[pd.DataFrame]:
    noised = NoisedBatch.of(task.inputs, clean, task.sigma, draws=settings.draws if task.whole else 1, seed=seed)
    denoised = checked(subject.denoiser, noised.noisy, task.sigma, subject.id)
    if task.whole:
        yield from _level(subject, noised, denoised)
    if task.whole and distil and pool is not None:
        fit = Fit(pool, distil.draws, seed, f"distillation/{task.inputs}", task.inputs != "train", distil.ridge)
        yield from distillation_rows(subject, noised, denoised, fit, distil, kept)
    if task.paired:
        yield from _linearity(subject, noised.first_draw(), denoised[: noised.images], settings.alphas)


def _tasks(kinds: Sequence[str], settings: Measures, subject: Target) -> list[_Task]:
    levels, fine = (
        [sigma for sigma in noise.schedule(count).tolist() if is_defined(subject.denoiser, sigma)]
        for count in (settings.levels, settings.linearity_levels)
    )
    if not levels:
        raise InputError(
            f"measures.levels is {settings.levels}, but {subject.id} is defined at none of these noise levels: set it "
            "to 10, or leave this denoiser out"
        )
    return [
        _Task(inputs, sigma, sigma in levels and inputs != "noise", sigma in fine)
        for inputs in kinds
        for sigma in sorted({*(() if inputs == "noise" else levels), *fine}, reverse=True)
    ]


def _level(subject: Target, noised: NoisedBatch, denoised: Tensor) -> Iterator[pd.DataFrame]:
    yield noised.rows(subject.id, output_quantities(noised.clean, noised.noisy, denoised))
    if own := diagnostics(subject.denoiser, noised.noisy, noised.sigma):
        yield noised.rows(subject.id, own)
    yield from _distances(subject, noised, denoised)


def _distances(subject: Target, noised: NoisedBatch, denoised: Tensor, **where: object) -> Iterator[pd.DataFrame]:
    for name, other in {subject.gaussian_id: subject.gaussian, **subject.references}.items():
        gap = squared(denoised - other(noised.noisy, noised.sigma))
        yield noised.rows(subject.id, {"distance": gap}, reference_id=name, **where)


def _along(subject: Target, way: Tensor) -> Iterator[pd.DataFrame]:
    """Yield distances at the states that the sampler of the denoiser itself visits; no clean image belongs to them."""
    for level, sigma in enumerate(noise.schedule(10).tolist()):
        if is_defined(subject.denoiser, sigma):
            states = way[:, level].to(subject.mean.device)
            visited = NoisedBatch("trajectory", sigma, states, states, len(states))
            denoised = subject.denoiser(states, sigma)
            lengths = {"norm": squared(denoised), "norm_centred": squared(denoised - denoised.mean(0))}
            yield visited.rows(subject.id, lengths, sampler=SAMPLER)
            yield from _distances(subject, visited, denoised, sampler=SAMPLER)


def _linearity(
    subject: Target, noised: NoisedBatch, denoised: Tensor, alphas: Sequence[float]
) -> Iterator[pd.DataFrame]:
    for number, alpha in enumerate(alphas):
        quantities = mixture_quantities(subject.denoiser, noised.noisy, denoised, noised.sigma, subject.mean, alpha)
        if number == 0:  # its mixture has weights of its own
            quantities |= affinity_quantities(subject.denoiser, noised.noisy, denoised, noised.sigma)
        yield noised.rows(subject.id, quantities, parameter=mixing_blocks.AXIS, at=alpha)
