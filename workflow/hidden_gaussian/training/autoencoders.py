"""Training a denoising autoencoder for each noise level, one after the other (Li et al. Fig. 24)."""

from __future__ import annotations

import logging
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from hidden_gaussian import seeding
from hidden_gaussian.denoisers import autoencoder, load_network
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import choose_device, interruption, set_precision
from hidden_gaussian.noise_schedule import AUTOENCODERS, schedule
from hidden_gaussian.settings import Training
from hidden_gaussian.storage import atomic_path, write_log
from hidden_gaussian.training import batches, checkpoints, segment
from hidden_gaussian.training.losses import Objective
from hidden_gaussian.training.segment import Segment

CALIBRATION = 64  # batches that statistics of batch normalisation are averaged over

logger = logging.getLogger(__name__)


def run(stretch: Segment, device: torch.device | str | None = None) -> None:
    """Train one stretch of ten autoencoders with the plain loss, from the snapshot before it, and write the next.

    Each level is trained on one device as :func:`hidden_gaussian.training.segment.train` trains a network, with random
    numbers of its own and without augmentation, to `images_seen` images: the cell saw ten times as many. A run that
    was stopped goes on where it was: the folder of the side file keeps the levels that are finished, and the
    unfinished one.

    Parameters
    ----------
    stretch : Segment
        Of the cell: ``previous_state`` is ``states.zip`` of the snapshot before; ``side_file`` without its suffix is
        the folder that keeps what is unfinished, removed at the end; ``folder`` gets ``weights.safetensors``,
        ``states.zip`` and ``training.parquet``, whose losses are means over the levels. The settings ``gpus``,
        ``augment``, ``p_mean`` and ``p_std`` are not used.
    device : device, optional
        Default: the GPU when there is one.

    Raises
    ------
    InputError, Interrupted
        See :func:`hidden_gaussian.training.segment.run`.
    """
    set_precision()
    device = torch.device(device or choose_device())
    unfinished = stretch.side_file.with_suffix("")
    levels = [_level(stretch, number, sigma, unfinished) for number, sigma in enumerate(schedule(AUTOENCODERS))]
    with interruption.lock(stretch.side_file) as waited:
        if waited and _is_made(stretch, levels[0], device):
            logger.info("%s was trained by the other job", stretch.cell.id)
            shutil.rmtree(unfinished)
            return
        for number, level in enumerate(levels, start=1):
            logger.info("%s: level %d of %d, sigma %.4g", stretch.cell.id, number, len(levels), level.sigma)
            before = _begun(level.folder, stretch.previous_state)
            segment.train(level.model_copy(update={"previous_state": before}), device)
        _assemble(stretch, levels, device)
        shutil.rmtree(unfinished)


def _is_made(stretch: Segment, first: Segment, device: torch.device) -> bool:
    """Tell whether the snapshot is whole, and of the same settings and images as the first of its levels."""
    if not checkpoints.has_outputs(stretch.folder):
        return False
    try:
        state = _begun(first.folder, stretch.folder / "states.zip")
    except InputError:
        return False
    return state is not None and checkpoints.belongs(state, segment.fingerprint(first, device))


def _level(stretch: Segment, number: int, sigma: float, unfinished: Path) -> Segment:
    """Return the stretch of one level, in a folder of its own."""
    place = unfinished / f"level{number}"
    changes = {
        "network": stretch.network.model_copy(update={"augment_dim": 0}),
        "training": stretch.training.model_copy(update={"augment": 0.0}),
        "seed": seeding.derive(stretch.seed, "autoencoder", number),
        "side_file": place / "unfinished.safetensors",
        "folder": place,
        "sigma": float(sigma),
    }
    return stretch.model_copy(update=changes)


def _begun(place: Path, previous: Path | None) -> Path | None:
    """Return the state that a level goes on from: its own if it is finished, else that of the snapshot before."""
    finished = place / "state.safetensors"
    if checkpoints.read_or_set_aside(finished) is not None:
        return finished
    if previous is None:
        return None
    before = place / "before.safetensors"
    try:
        with (
            zipfile.ZipFile(previous) as archive,
            archive.open(f"{place.name}.safetensors") as source,
            atomic_path(before) as temporary,
            temporary.open("wb") as target,
        ):
            shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, KeyError, EOFError, FileNotFoundError) as error:
        raise InputError(f"{previous} is damaged ({error}): delete it and run again") from None
    return before


def _assemble(stretch: Segment, levels: Sequence[Segment], device: torch.device) -> None:
    """Write the snapshot of all levels from those of each."""
    folder, pixels, places = stretch.folder, stretch.pixels(), [level.folder for level in levels]
    autoencoders = [load_network(place / "weights.safetensors") for place in places]
    for number, (network, level) in enumerate(zip(autoencoders, levels, strict=True)):
        stream = seeding.derive(stretch.seed, "calibration", number)
        calibrate(network.to(device), pixels, level.training, level.objective, stream, device)
    sigmas = schedule(AUTOENCODERS).tolist()
    autoencoder.save(folder / "weights.safetensors", sigmas, autoencoders, autoencoders[0].options)
    curves = pd.concat([pd.read_parquet(place / "training.parquet") for place in places])
    write_log(folder / "training.parquet", curves.groupby("images_seen", as_index=False).mean())
    with atomic_path(folder / "states.zip") as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for place in places:
            entry = zipfile.ZipInfo(f"{place.name}.safetensors")  # without a date: equal states are equal files
            with (
                (place / "state.safetensors").open("rb") as source,
                archive.open(entry, "w", force_zip64=True) as target,
            ):
                shutil.copyfileobj(source, target)


@torch.no_grad()
def calibrate(
    network: nn.Module,
    images: np.ndarray | batches.Subset,
    settings: Training,
    objective: Objective,
    seed: int,
    device: torch.device,
) -> None:
    """Set the statistics of batch normalisation to those that the averaged weights have on training images.

    Weights are averaged along training, but the statistics of the average are not the average of the statistics.
    Networks without such layers are left alone.

    Parameters
    ----------
    seed : int
        The noise is a function of it alone.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    network.train()
    for step in range(CALIBRATION if norms else 0):
        batch = batches.draw(images, step, settings, seed, device, objective.levels)
        network(batch.clean + batch.sigma[:, None, None, None] * batch.noise, batch.sigma)
    network.eval()
