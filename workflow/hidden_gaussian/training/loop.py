"""Training of a denoiser as in Karras et al. (2022), counted in images seen; stopping in between changes no bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import ALONE, Team, set_precision
from hidden_gaussian.networks import Dropout
from hidden_gaussian.settings import Training
from hidden_gaussian.training import batches
from hidden_gaussian.training.batches import Batch, SubsetImages
from hidden_gaussian.training.losses import EDM, Objective
from hidden_gaussian.training.state import TrainingState, mean_point

INTERVAL = 50  # steps to a point of the curve; between intervals no step waits for the device


class Progress(NamedTuple):
    """Progress after one step."""

    images_seen: int
    learning_rate: float
    loss: float | None  # mean per pixel over the interval that ends at this step; else None


def train(
    state: TrainingState,
    images: np.ndarray | SubsetImages,
    settings: Training,
    *,
    until: int,
    seed: int,
    objective: Objective = EDM,
    team: Team = ALONE,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train step by step up to a number of images seen; the caller watches, saves or stops.

    At every yield the state can be saved, and a resumed run gives the same numbers, on a CPU bit for bit. Parts of a
    batch, or shares of it in a team, change rounding only, except in batch normalisation, which takes its statistics
    from each part. Gradients that are NaN become zero, infinite ones are clipped.

    Parameters
    ----------
    state : TrainingState
        Advanced by every step.
    images : ndarray or SubsetImages of shape (N, channels, side, side), uint8
        Copied to a GPU if they fit there; otherwise read batch by batch.
    settings : Training
    until : int
        A multiple of the batch.
    seed : int
        Seed of the run; with the step it determines the batch (:func:`hidden_gaussian.training.batches.draw`).
    objective : Objective
        Noise levels and loss.
    team : Team
        The processes that share each batch, all with the same state.
    stopped : callable
        Called between two parts of a batch, and in a team before the sum. Once it returns True, the step is undone and
        the iteration ends.

    Yields
    ------
    Progress
        After every step.

    Raises
    ------
    InputError
        If this machine or network cannot use the settings, a batch does not fit in memory, or a loss is not finite.
    """
    _check(state, settings, until)
    pixels, size = batches.resident(images, state.device), math.prod(images.shape[1:])
    layers = sum(isinstance(module, Dropout) for module in state.network.modules())
    while state.images_seen < until:
        step = state.images_seen // settings.batch
        rate = learning_rate(settings, state.images_seen)
        share = team.share(settings.batch)
        with _memory_errors(settings, state.device), float32_products(settings.precision):
            batch = batches.draw(
                pixels, step, settings, seed, state.device, objective.levels, share=share, layers=layers
            )
            if not _gradients(state, batch, settings, objective, team, stopped):
                return
        state.optimiser.param_groups[0]["lr"] = rate
        state.optimiser.step()
        state.averages.lerp_(state.weights.detach(), 1 - ema_decay(settings, state.images_seen))
        state.images_seen += settings.batch
        state.pending.append((state.images_seen, state.totals[-1] / size, rate))
        if (step + 1) % INTERVAL == 0:
            state.curve.append(mean_point(state.recent()))
            state.pending.clear()
        yield Progress(state.images_seen, rate, None if state.pending else state.curve[-1].loss)


def learning_rate(settings: Training, images_seen: int) -> float:
    """Return the learning rate: linear from 0 during the warm-up, then constant."""
    return settings.learning_rate * (min(images_seen / settings.warmup, 1.0) if settings.warmup else 1.0)


def ema_decay(settings: Training, images_seen: int) -> float:
    """Return the factor of the averaged weights in a step; over one half-life the factors multiply to 1/2.

    The half-life is at most `ema_rampup` times the images seen, so that the average forgets the start quickly.
    """
    half_life = float(settings.ema_half_life)
    if settings.ema_rampup is not None:
        half_life = min(half_life, settings.ema_rampup * images_seen)
    return 0.5 ** (settings.batch / half_life) if half_life else 0.0


def _gradients(
    state: TrainingState,
    batch: Batch,
    settings: Training,
    objective: Objective,
    team: Team,
    stopped: Callable[[], bool],
) -> bool:
    """Compute loss and gradients of the whole batch into ``state.totals``, from this process's share.

    Returns False if the step was stopped; the state is then as before.
    """
    state.totals.zero_()
    layers = [module for module in state.network.modules() if isinstance(module, Dropout)]
    statistics = [buffer.clone() for buffer in state.network.buffers()]  # batch normalisation changes them
    for number, part in enumerate(batch.parts(settings.microbatch or settings.batch)):
        if number and stopped():
            break
        for depth, layer in enumerate(layers):
            layer.keys = None if part.keys is None else part.keys[:, depth]
        with torch.autocast(state.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            losses = objective.loss(state.network, part, state.options["sigma_data"])
        loss = losses.sum() / settings.batch
        loss.backward()  # type: ignore[no-untyped-call]
        state.totals[-1] += loss.detach()
    else:
        if team.size == 1 or not stopped():  # after a signal the other processes may end before the sum
            team.all_reduce_(state.totals)
            gradients = state.totals[:-1]
            torch.nan_to_num(gradients, nan=0.0, posinf=1e5, neginf=-1e5, out=gradients)
            return True
    for buffer, before in zip(state.network.buffers(), statistics, strict=True):
        buffer.copy_(before)
    return False


@contextmanager
def _memory_errors(settings: Training, device: torch.device) -> Iterator[None]:
    """Name the setting to change if memory runs out; on CPUs torch raises a RuntimeError with no class of its own."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise InputError(
            f"training.batch: {settings.batch} images in parts of {settings.microbatch or settings.batch} do not fit "
            f"in the memory of this {device.type}; set a smaller training.microbatch, or lower the batch"
        ) from None


@contextmanager
def float32_products(precision: str) -> Iterator[None]:
    """Within a block, let GPUs round the factors of float32 products to TF32 if the precision is ``tf32``, else not."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    set_precision(precision)
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def _check(state: TrainingState, settings: Training, until: int) -> None:
    if until % settings.batch or state.images_seen % settings.batch:
        raise InputError(
            f"images_seen: a segment from {state.images_seen} to {until}; expected whole batches of {settings.batch}; "
            "choose multiples of training.batch"
        )
    if state.images_seen > until:
        raise InputError(f"images_seen: the state has {state.images_seen}; expected at most {until}; train again")
    if settings.augment and state.options.get("augment_dim") != 9:
        raise InputError(
            f"training.augment: {settings.augment} with network.augment_dim {state.options.get('augment_dim')} would "
            "teach the network augmented images; expected 9 labels; set augment_dim to 9, or augment to 0"
        )
    if settings.precision not in _precisions(state.device):
        raise InputError(
            f"training.precision: {settings.precision} was found, but this {state.device.type} does not compute in it; "
            "choose fp32"
        )


def _precisions(device: torch.device) -> set[str]:
    """Return the precisions that the hardware computes in, without emulation."""
    if device.type == "cuda":
        return {"fp32", "tf32", "bf16"} if torch.cuda.get_device_capability(device) >= (8, 0) else {"fp32"}
    capabilities = torch.cpu.get_capabilities()
    computes_bf16 = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))
    return {"fp32", "bf16"} if computes_bf16 else {"fp32"}
