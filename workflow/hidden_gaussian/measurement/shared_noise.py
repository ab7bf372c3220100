"""Measurements of one denoiser on shared noise: distance, linearity, loss and distillation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from numpy.typing import ArrayLike
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import Denoiser, checked, diagnostics, is_defined
from hidden_gaussian.distillation import Fit
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import progress_bar
from hidden_gaussian.measurement.jacobian import SAMPLER
from hidden_gaussian.measurement.linear_maps import measure_linear_maps
from hidden_gaussian.measurement.noised_batch import NoisedBatch, ShardAndImages, Target
from hidden_gaussian.metrics import affinity_quantities, mixture_quantities, output_quantities, squared_norm
from hidden_gaussian.settings import Distillation, Measures, unseen
from hidden_gaussian.statistics import mixing_blocks

TOLERANCE = 1e-5  # float32 rounding may put a pixel outside [-1, 1] by this much
SHOWN_LEVEL = 4.0  # the paper shows singular vectors near this noise level


def measure(
    target: Target,
    clean: Mapping[str, Tensor],
    pools: Mapping[str, Tensor],
    settings: Measures,
    distil: Distillation | None,
    *,
    seed: int,
    trajectories: Tensor | None = None,
) -> ShardAndImages:
    """Return the measurements of one denoiser on shared noise.

    Parameters
    ----------
    target : Target
        The denoiser and the references that it is compared with.
    clean : mapping of str to Tensor of shape (images, channels, height, width)
        Clean images by kind of input, in [-1, 1], on the device of the denoisers.
    pools : mapping of str to Tensor
        Images that linear maps are fitted to, by kind of input; no maps are fitted for other kinds.
    settings : Measures
        Noise levels, draws, weights of pairs. Levels at which the denoiser is not defined are left out.
    distil : Distillation or None
        None: no linear maps.
    seed : int
        Root seed of the study.
    trajectories : Tensor of shape (latents, 11, channels, height, width), optional
        States of the denoiser's ten-step Euler sampler, at which distances are measured too.

    Returns
    -------
    ShardAndImages
        The images are those of :func:`~hidden_gaussian.measurement.linear_maps.measure_linear_maps`, at the level
        nearest to sigma = 4, for images not trained on if there are any.

    Raises
    ------
    InputError
        If the denoiser is defined at none of the levels, or its outputs have another shape or are not finite; if the
        images are not in [-1, 1].

    Examples
    --------
    >>> import numpy as np, torch
    >>> from hidden_gaussian import spectrum
    >>> from hidden_gaussian.denoisers import GaussianDenoiser
    >>> pixels = np.random.default_rng(0).integers(0, 256, (32, 1, 2, 2), dtype=np.uint8)
    >>> gaussian = GaussianDenoiser(spectrum.fit(pixels))
    >>> target = Target("n32a/gaussian", gaussian, "n32a/gaussian", gaussian, {}, gaussian.mean.reshape(1, 2, 2))
    >>> settings = Measures(images=32, draws=1, levels=10, linearity_levels=10)
    >>> images = {"train": torch.from_numpy(pixels / 127.5 - 1).float()}
    >>> shard = measure(target, images, {}, settings, None, seed=0).shard
    >>> float(shard.loc[shard["quantity"] == "distance", "value"].max())
    0.0
    """
    for kind, inputs in clean.items():
        if not (inputs.abs() <= 1 + TOLERANCE).all():
            raise InputError(
                f"clean images '{kind}' have pixels outside [-1, 1]; expected pixels / 127.5 - 1: rescale them"
            )
    tasks = _tasks(list(clean), settings, target)
    shown = _shown_task(tasks, pools)
    frames: list[pd.DataFrame] = []
    maps: dict[str, Tensor] = {}
    count = settings.images * settings.draws
    with progress_bar(f"measure {target.id}", len(tasks) * count) as done:
        for number, task in enumerate(tasks, start=1):
            draws = settings.draws if task.whole else 1
            noised = NoisedBatch.of(task.inputs, clean[task.inputs], task.sigma, draws=draws, seed=seed)
            denoised = checked(target.denoiser, noised.noisy, task.sigma, target.id)
            if task.whole:
                frames += _level_rows(target, noised, denoised)
            if task.whole and distil and task.inputs in pools:
                fit = _fit(task.inputs, pools[task.inputs], distil, seed)
                rows, images = measure_linear_maps(target, noised, denoised, fit, distil, with_images=task == shown)
                frames, maps = frames + rows, maps | images
            if task.paired:
                first, outputs = noised.first_draw(), denoised[: noised.images]
                frames += _linearity_rows(target, first, outputs, settings.alphas, affinity=True)
            done(number * count)
    if trajectories is not None:
        frames += _trajectory_rows(target, trajectories)
    return ShardAndImages(pd.concat(frames, ignore_index=True), maps)


def distances(
    target: Target, clean: Mapping[str, Tensor], settings: Measures, seed: int, trajectories: Tensor | None = None
) -> pd.DataFrame:
    """Return the distances of a denoiser to its references alone; arguments and rows as of :func:`measure`."""
    frames: list[pd.DataFrame] = []
    for task in _tasks(list(clean), settings, target):
        if task.whole:
            noised = NoisedBatch.of(task.inputs, clean[task.inputs], task.sigma, draws=settings.draws, seed=seed)
            denoised = checked(target.denoiser, noised.noisy, task.sigma, target.id)
            frames += _distance_rows(target, noised, denoised, target.references)
    if trajectories is not None:
        for visited, denoised in _visited(target, trajectories):
            frames += _distance_rows(target, visited, denoised, target.references, sampler=SAMPLER)
    return pd.concat(frames, ignore_index=True)


def linearity(target: Target, clean: Mapping[str, Tensor], settings: Measures, seed: int) -> pd.DataFrame:
    """Return the linearity of pairs alone; arguments and rows as of :func:`measure`."""
    frames: list[pd.DataFrame] = []
    for task in _tasks(list(clean), settings, target):
        if task.paired:
            noised = NoisedBatch.of(task.inputs, clean[task.inputs], task.sigma, draws=1, seed=seed)
            denoised = checked(target.denoiser, noised.noisy, task.sigma, target.id)
            frames += _linearity_rows(target, noised, denoised, settings.alphas, affinity=False)
    return pd.concat(frames, ignore_index=True)


class _Task(NamedTuple):
    """A kind of input at a noise level: whether everything is measured there, and whether the linearity of pairs is."""

    inputs: str
    sigma: float
    whole: bool
    paired: bool


def _tasks(kinds: Sequence[str], settings: Measures, target: Target) -> list[_Task]:
    levels, fine = (
        [sigma for sigma in noise.schedule(count).tolist() if is_defined(target.denoiser, sigma)]
        for count in (settings.levels, settings.linearity_levels)
    )
    if not levels:
        raise InputError(
            f"measures.levels is {settings.levels}, but {target.id} is defined at none of these noise levels: set it "
            "to 10, or leave this denoiser out"
        )
    return [
        _Task(inputs, sigma, sigma in levels and inputs != "noise", sigma in fine)
        for inputs in kinds
        for sigma in sorted({*(() if inputs == "noise" else levels), *fine}, reverse=True)
    ]


def _shown_task(tasks: Sequence[_Task], pools: Mapping[str, Tensor]) -> _Task | None:
    """Return the task whose linear maps are shown as images, if any linear maps are fitted."""
    if not pools:
        return None
    inputs = unseen(pools)
    candidates = [task for task in tasks if task.whole and task.inputs == inputs]
    return min(candidates, key=lambda task: abs(math.log(task.sigma / SHOWN_LEVEL)), default=None)


def _fit(inputs: str, pool: Tensor, distil: Distillation, seed: int) -> Fit:
    by_image = inputs != "train"
    return Fit(pool, distil.draws, seed, f"distillation/{inputs}", by_image, distil.ridge)


def _level_rows(target: Target, noised: NoisedBatch, denoised: Tensor) -> Iterator[pd.DataFrame]:
    yield noised.rows(target.id, output_quantities(noised.clean, noised.noisy, denoised))
    if reported := diagnostics(target.denoiser, noised.noisy, noised.sigma):
        yield noised.rows(target.id, reported)
    yield from _distance_rows(target, noised, denoised, _compared(target))


def _compared(target: Target) -> dict[str, Denoiser]:
    return {target.gaussian_id: target.gaussian, **target.references}


def _distance_rows(
    target: Target, noised: NoisedBatch, denoised: Tensor, others: Mapping[str, Denoiser], **where: ArrayLike
) -> Iterator[pd.DataFrame]:
    for name, other in others.items():
        gap = squared_norm(denoised - other(noised.noisy, noised.sigma))
        yield noised.rows(target.id, {"distance": gap}, reference_id=name, **where)


def _trajectory_rows(target: Target, trajectories: Tensor) -> Iterator[pd.DataFrame]:
    """Yield distances at the states of the denoiser's own sampler; there is no clean image for a loss."""
    for visited, denoised in _visited(target, trajectories):
        lengths = {"norm": squared_norm(denoised), "norm_centred": squared_norm(denoised - denoised.mean(0))}
        yield visited.rows(target.id, lengths, sampler=SAMPLER)
        yield from _distance_rows(target, visited, denoised, _compared(target), sampler=SAMPLER)


def _visited(target: Target, trajectories: Tensor) -> Iterator[tuple[NoisedBatch, Tensor]]:
    """Yield the states of the denoiser's own sampler at each noise level, and its outputs there."""
    for level, sigma in enumerate(noise.schedule(10).tolist()):
        if is_defined(target.denoiser, sigma):
            states = trajectories[:, level].to(target.mean.device)
            yield NoisedBatch("trajectory", sigma, states, states, len(states)), target.denoiser(states, sigma)


def _linearity_rows(
    target: Target, noised: NoisedBatch, denoised: Tensor, alphas: Sequence[float], *, affinity: bool
) -> Iterator[pd.DataFrame]:
    for number, alpha in enumerate(alphas):
        quantities = mixture_quantities(target.denoiser, noised.noisy, denoised, noised.sigma, target.mean, alpha)
        if affinity and number == 0:  # affinity has fixed weights, so it is measured once
            quantities |= affinity_quantities(target.denoiser, noised.noisy, denoised, noised.sigma)
        yield noised.rows(target.id, quantities, parameter=mixing_blocks.AXIS, at=alpha)
