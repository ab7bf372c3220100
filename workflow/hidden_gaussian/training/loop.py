"""Training a denoiser as Karras et al. (2022) do, counted in images seen; in pieces it is the same as in one go."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import numpy as np
import torch

from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import ALONE, Team, set_precision
from hidden_gaussian.networks import Dropout
from hidden_gaussian.settings import Training
from hidden_gaussian.training import batches
from hidden_gaussian.training.batches import Batch, Subset
from hidden_gaussian.training.losses import EDM, Objective
from hidden_gaussian.training.state import TrainingState, mean_point

INTERVAL = 50  # steps to a point of the curve, and between two waits for the device


class Progress(NamedTuple):
    """Where training is after a step."""

    images_seen: int
    learning_rate: float
    loss: float | None  # mean per pixel, where an interval of the curve ended at this step


def train(
    state: TrainingState,
    images: np.ndarray | Subset,
    settings: Training,
    *,
    until: int,
    seed: int,
    objective: Objective = EDM,
    team: Team = ALONE,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train, step by step, until a number of images was seen; the caller watches, saves or stops.

    The state is consistent at every yield, and going on from it later gives the same numbers, bit for bit on a CPU;
    cutting batches into parts or sharing them gives the same up to rounding, but for batch normalisation, which takes
    its statistics in each part. A gradient that is not finite is set to zero or clipped; a loss that is not finite ends
    training.

    Parameters
    ----------
    state : TrainingState
        Changed in place.
    images : ndarray or Subset of shape (N, channels, side, side), uint8
        Copied to a GPU where they fit there; otherwise read batch by batch.
    settings : Training
        The recipe.
    until : int
        A multiple of the batch.
    seed : int
        Of the run; what a step sees is a function of it and the step (:func:`hidden_gaussian.training.batches.draw`).
    objective : Objective
        Noise levels and loss.
    team : Team
        The processes that share each batch, all in the same state.
    stopped : callable
        Asked between two parts of a batch, and in a team before its sum; once it says yes the step is given up, as if
        it had not begun, and the iteration ends.

    Yields
    ------
    Progress
        After every step, without waiting for the device except at the end of an interval.

    Raises
    ------
    InputError
        If the settings cannot be used on this machine or network, a batch does not fit its memory, or a loss is not
        finite.
    """
    _check(state, settings, until)
    pixels, size = batches.resident(images, state.device), math.prod(images.shape[1:])
    layers = sum(isinstance(module, Dropout) for module in state.network.modules())
    while state.images_seen < until:
        step = state.images_seen // settings.batch
        rate = learning_rate(settings, state.images_seen)
        share = team.share(settings.batch)
        with _held(settings, state.device):
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
    """Return the step size after some images: linear from 0 during the warm-up, then constant."""
    return settings.learning_rate * (min(images_seen / settings.warmup, 1.0) if settings.warmup else 1.0)


def ema_decay(settings: Training, images_seen: int) -> float:
    """Return how much of the averaged weights a step keeps: a half after each half-life.

    The half-life is at most `ema_rampup` times the images seen, so that the start is forgotten early on.
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
    """Set the gradients of the mean loss over the whole batch, and that loss, from this process's share.

    Returns whether it was done; if not, nothing else was changed either.
    """
    state.totals.zero_()
    layers = [module for module in state.network.modules() if isinstance(module, Dropout)]
    statistics = [buffer.clone() for buffer in state.network.buffers()]  # batch normalisation changes them
    for place, part in enumerate(batch.parts(settings.microbatch or settings.batch)):
        if place and stopped():
            break
        for number, layer in enumerate(layers):
            layer.keys = None if part.keys is None else part.keys[:, number]
        with _arithmetic(settings.precision, state.device):
            losses = objective.loss(state.network, part, state.options["sigma_data"])
        loss = losses.sum() / settings.batch
        loss.backward()  # type: ignore[no-untyped-call]
        state.totals[-1] += loss.detach()
    else:
        if team.size == 1 or not stopped():  # the others, told to stop, may end before they take part in the sum
            team.add(state.totals)
            gradients = state.totals[:-1]
            torch.nan_to_num(gradients, nan=0.0, posinf=1e5, neginf=-1e5, out=gradients)
            return True
    for buffer, before in zip(state.network.buffers(), statistics, strict=True):
        buffer.copy_(before)
    return False


@contextmanager
def _held(settings: Training, device: torch.device) -> Iterator[None]:
    """Say which setting to change where memory does not suffice; torch has an error of its own for GPUs alone."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise InputError(
            f"training.batch: {settings.batch} images in passes of {settings.microbatch or settings.batch} do not fit "
            f"the memory of this {device.type}: set training.microbatch to fewer, or lower the batch"
        ) from None


def _arithmetic(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Return the context of a forward pass; whether float32 products may be rounded to TF32 is set for the process."""
    set_precision(precision)
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def _check(state: TrainingState, settings: Training, until: int) -> None:
    if until % settings.batch or state.images_seen % settings.batch:
        raise InputError(
            f"images_seen: a stretch from {state.images_seen} to {until} is not made of whole batches of "
            f"{settings.batch}: choose multiples of training.batch"
        )
    if state.images_seen > until:
        raise InputError(f"images_seen: {state.images_seen} were seen before, which is more than {until}: train anew")
    if settings.augment and state.options.get("augment_dim") != 9:
        raise InputError(
            f"training.augment is {settings.augment}, but network.augment_dim is {state.options.get('augment_dim')}, "
            "so the network would learn augmented images: set augment_dim to 9, or augment to 0"
        )
    if settings.precision not in _precisions(state.device):
        raise InputError(
            f"training.precision: {settings.precision} was found, but this {state.device.type} has no arithmetic for "
            "it: choose fp32"
        )


def _precisions(device: torch.device) -> set[str]:
    """Return the precisions that the hardware computes in, and does not imitate."""
    if device.type == "cuda":
        return {"fp32", "tf32", "bf16"} if torch.cuda.get_device_capability(device) >= (8, 0) else {"fp32"}
    capabilities = torch.cpu.get_capabilities()
    computes_bf16 = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))
    return {"fp32", "bf16"} if computes_bf16 else {"fp32"}
