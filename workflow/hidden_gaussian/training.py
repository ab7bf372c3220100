"""Training a denoiser as Karras et al. (2022) do, counted in images seen; in pieces it is the same as in one go."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hidden_gaussian import batches, guards, networks, progress, recipes, seeding, snapshots
from hidden_gaussian.batches import Batch
from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError
from hidden_gaussian.objectives import EDM, Objective, objective_of
from hidden_gaussian.settings import Network, Training
from hidden_gaussian.snapshots import TrainingState

INTERVAL = 50  # steps to a point of the curve, and between two waits for the device


class Progress(NamedTuple):
    """Where training is after a step."""

    images_seen: int
    learning_rate: float
    loss: float | None  # mean per pixel, where an interval of the curve ended at this step


def train_cell(
    cell: Cell,
    network: Network,
    training: Training,
    images: np.ndarray,
    *,
    seed: int,
    previous_state: Path | None,
    side_file: Path,
    folder: Path,
    device: torch.device | str | None = None,
    objective: Objective | None = None,
) -> None:
    """Train one stretch of a run, from the snapshot before it, and write the snapshot at its end.

    A run that was stopped goes on where it was when it is started again. Images seen 0 is the untrained network.

    Parameters
    ----------
    cell : Cell
        The snapshot to make.
    network, training : settings
    images : ndarray of shape (subset_size, channels, side, side), uint8
        The training subset.
    seed : int
        Of the study; that of the run is derived from it and the run's path.
    previous_state : Path or None
        ``state.safetensors`` of the snapshot before; None starts a run.
    side_file : Path
        Where the unfinished state is kept every ``training.checkpoint_minutes`` and when the job is told to stop
        (SIGTERM, SIGINT); removed at the end.
    folder : Path
        Gets ``weights.safetensors``, ``state.safetensors`` and ``training.parquet``.
    device : device, optional
        Default: the GPU when there is one.
    objective : Objective, optional
        Default: that of the architecture.

    Raises
    ------
    InputError
        If a saved state belongs to other settings or images, another job trains this cell, the hardware lacks the
        precision, or the loss is no longer finite.
    Interrupted
        If the job was told to stop, after saving.
    """
    run_seed = seeding.derive(seed, f"training/{cell.dataset}/{cell.run}")
    objective = objective or objective_of(cell.architecture)
    with guards.lock(side_file), guards.interruption() as stopped:
        state = _untrained(cell, network, images, run_seed, device)
        fingerprint = _fingerprint(state.options, training, images, run_seed)
        if previous_state is not None:
            snapshots.load_state(previous_state, state, fingerprint)
        snapshots.resume(side_file, state, fingerprint)
        saved = time.monotonic()
        with progress.shown(cell.id, cell.images_seen, done=state.images_seen) as show:
            for step in train(state, images, training, until=cell.images_seen, seed=run_seed, objective=objective):
                show(step.images_seen)
                if stopped() or time.monotonic() - saved > 60 * training.checkpoint_minutes:
                    snapshots.save_state(side_file, state, fingerprint)
                    saved = time.monotonic()
                if stopped():
                    raise guards.Interrupted(
                        f"{cell.id}: training was told to stop at images_seen {step.images_seen} and its state was "
                        f"saved in {side_file}: run again to go on from there"
                    )
        snapshots.save_outputs(folder, state, fingerprint)
        side_file.unlink(missing_ok=True)


def _untrained(
    cell: Cell, settings: Network, images: np.ndarray, seed: int, device: torch.device | str | None
) -> TrainingState:
    if len(images) != cell.subset_size:
        raise InputError(
            f"{cell.subset} holds {len(images)} images, expected {cell.subset_size}: draw the subset again"
        )
    network = networks.build(
        cell.architecture,
        resolution=images.shape[2],
        channels=images.shape[1],
        scale=cell.scale,
        seed=seeding.derive(seed, "weights"),
        **settings.model_dump(),
    )
    return TrainingState.start(network, device or ("cuda" if torch.cuda.is_available() else "cpu"))


def _fingerprint(options: dict[str, Any], settings: Training, images: np.ndarray, seed: int) -> dict[str, Any]:
    """Return what the numbers depend on; how often they are saved and how a batch is cut are not among it."""
    return {
        "recipe": recipes.TRAINING,
        "seed": seed,
        "network": options,
        "training": settings.model_dump(exclude={"microbatch", "checkpoint_minutes"}),
        "images": hashlib.sha256(np.ascontiguousarray(images).data).hexdigest(),
    }


def train(
    state: TrainingState,
    images: np.ndarray,
    settings: Training,
    *,
    until: int,
    seed: int,
    objective: Objective = EDM,
) -> Iterator[Progress]:
    """Train, step by step, until a number of images was seen; the caller watches, saves or stops.

    The state is consistent at every yield, and going on from it later gives the same numbers, bit for bit on a CPU:
    position p of the stream of images is image p mod N of permutation p div N, and the noise, flips, augmentation and
    dropout of a step are functions of the seed and the step alone. A gradient that is not finite is set to zero or
    clipped; a loss that is not finite ends training.

    Parameters
    ----------
    state : TrainingState
        Changed in place.
    images : ndarray of shape (N, channels, side, side), uint8
        Copied to a GPU where it fits there; otherwise, or memory-mapped, read batch by batch.
    settings : Training
        With `microbatch`, the gradient is summed over parts of the batch: the same up to rounding, and with dropout
        up to which features are dropped.
    until : int
        A multiple of the batch.
    seed : int
        Of the run.
    objective : Objective
        Noise levels and loss.

    Yields
    ------
    Progress
        After every step, without waiting for the device except at the end of an interval.

    Raises
    ------
    InputError
        If the settings cannot be used on this machine or network, or a loss is not finite.
    """
    _check(state, settings, until)
    device = state.device
    pixels, size = batches.resident(images, device), images[0].size
    weights: list[Tensor] = list(state.network.parameters())
    averages: list[Tensor] = list(state.ema.parameters())
    while state.images_seen < until:
        step = state.images_seen // settings.batch
        rate = learning_rate(settings, state.images_seen)
        batch = batches.draw(pixels, step, settings, seed, device, objective.levels)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seeding.derive(seed, "dropout", step))
            loss = _gradients(state, weights, batch, settings, objective)
        state.optimiser.param_groups[0]["lr"] = rate
        state.optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 1 - ema_decay(settings, state.images_seen))
        state.images_seen += settings.batch
        state.pending.append((state.images_seen, loss / size, rate))
        if (step + 1) % INTERVAL == 0:
            state.curve.append(snapshots.mean_point(state.recent()))
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
    state: TrainingState, weights: list[Tensor], batch: Batch, settings: Training, objective: Objective
) -> Tensor:
    """Set the gradients of the mean loss over the batch, and return that loss, on the device."""
    state.optimiser.zero_grad()
    part = settings.microbatch or settings.batch
    labels = itertools.repeat(None) if batch.labels is None else iter(torch.split(batch.labels, part))
    total = batch.sigma.new_zeros(())
    for clean, noise, sigma in zip(*(torch.split(tensor, part) for tensor in batch[:3]), strict=True):
        with _arithmetic(settings.precision, state.device):
            part_of_batch = Batch(clean, noise, sigma, next(labels))
            losses = objective.loss(state.network, part_of_batch, state.options["sigma_data"])
        loss = losses.sum() / settings.batch
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    for weight in weights:
        if weight.grad is not None:
            torch.nan_to_num(weight.grad, nan=0.0, posinf=1e5, neginf=-1e5, out=weight.grad)
    return total


def _arithmetic(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Return the context of a forward pass; whether float32 products may be rounded to TF32 is set for the process."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
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
    if settings.precision == "bf16" and not _computes_bf16(state.device):
        raise InputError(
            f"training.precision: bf16 was found, but this {state.device.type} has no arithmetic for it: choose fp32"
        )


def _computes_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))
