"""Training of denoising autoencoders, one a noise level, one after the other (Li et al., Fig. 24)."""

from __future__ import annotations

import copy
import logging
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from torch import nn

from hidden_gaussian import seeding
from hidden_gaussian.denoisers import autoencoder, load_network
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import choose_device, interruption
from hidden_gaussian.noise_schedule import AUTOENCODERS, schedule
from hidden_gaussian.settings import Training
from hidden_gaussian.storage import atomic_path, write_log
from hidden_gaussian.training import batches, checkpoints, loop
from hidden_gaussian.training.losses import Objective
from hidden_gaussian.training.segment import Segment, fingerprint, train_in_process

CALIBRATION = 64  # batches over which statistics of batch normalisation are averaged
Net = TypeVar("Net", bound=nn.Module)

logger = logging.getLogger(__name__)


def train_autoencoders(segment: Segment, device: torch.device | str | None = None) -> None:
    """Train a segment of ten autoencoders, one a noise level, with the plain loss, and write a checkpoint.

    Each level is trained as :func:`hidden_gaussian.training.segment.train_in_process` trains a network, on one device,
    with random numbers of its own, without augmentation, to `images_seen` images; the cell sees ten times as many. A
    stopped run continues where it was: the folder of the side file holds the finished levels and the unfinished one.

    Parameters
    ----------
    segment : Segment
        ``previous_state`` is ``states.zip`` of the checkpoint before. ``side_file`` without its suffix is the folder
        of unfinished work, removed at the end. ``folder`` gets ``weights.safetensors``, ``states.zip`` and
        ``training.parquet`` with losses averaged over the levels. The settings ``gpus``, ``augment``, ``p_mean`` and
        ``p_std`` are not used.
    device : device, optional
        Default: the GPU if there is one.

    Raises
    ------
    InputError, Interrupted
        See :func:`hidden_gaussian.training.segment.train_segment`.
    """
    device = torch.device(device or choose_device())
    unfinished = segment.side_file.with_suffix("")
    levels = [_level(segment, number, sigma, unfinished) for number, sigma in enumerate(schedule(AUTOENCODERS))]
    with interruption.lock(segment.side_file) as waited:
        if waited and _is_made(segment, levels[0]):
            logger.info("%s was trained by another job", segment.cell.id)
            shutil.rmtree(unfinished)
            return
        for number, level in enumerate(levels, start=1):
            logger.info("%s: level %d of %d, sigma %.4g", segment.cell.id, number, len(levels), level.sigma)
            before = _start(level.folder, segment.previous_state)
            train_in_process(level.model_copy(update={"previous_state": before}), device)
        _assemble(segment, levels, device)
        shutil.rmtree(unfinished)


def _is_made(segment: Segment, first: Segment) -> bool:
    """Return whether the checkpoint is whole, and has the settings and images of the first of its levels."""
    if not checkpoints.has_outputs(segment.folder):
        return False
    try:
        state = _start(first.folder, segment.folder / "states.zip")
    except InputError:
        return False
    return state is not None and checkpoints.belongs(state, fingerprint(first))


def _level(segment: Segment, number: int, sigma: float, unfinished: Path) -> Segment:
    """Return the segment of one level, with a folder of its own."""
    folder = unfinished / f"level{number}"
    changes = {
        "network": segment.network.model_copy(update={"augment_dim": 0}),
        "training": segment.training.model_copy(update={"augment": 0.0}),
        "seed": seeding.derive(segment.seed, "autoencoder", number),
        "side_file": folder / "unfinished.safetensors",
        "folder": folder,
        "sigma": float(sigma),
    }
    return segment.model_copy(update=changes)


def _start(folder: Path, previous: Path | None) -> Path | None:
    """Return the state that a level starts from: its own if it is finished, else from the checkpoint before."""
    finished = folder / "state.safetensors"
    if checkpoints.read_or_set_aside(finished) is not None:
        return finished
    if previous is None:
        return None
    before = folder / "before.safetensors"
    try:
        with (
            zipfile.ZipFile(previous) as archive,
            archive.open(f"{folder.name}.safetensors") as source,
            atomic_path(before) as temporary,
            temporary.open("wb") as target,
        ):
            shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, KeyError, EOFError, FileNotFoundError) as error:
        raise InputError(f"{previous} is damaged or absent ({error}); delete it and run again") from None
    return before


def _assemble(segment: Segment, levels: Sequence[Segment], device: torch.device) -> None:
    """Write the checkpoint of the cell from those of its levels."""
    folder, pixels, folders = segment.folder, segment.pixels(), [level.folder for level in levels]
    autoencoders = [
        calibrated(
            load_network(level.folder / "weights.safetensors").to(device),
            pixels,
            level.training,
            level.objective,
            seeding.derive(segment.seed, "calibration", number),
        )
        for number, level in enumerate(levels)
    ]
    sigmas = schedule(AUTOENCODERS).tolist()
    autoencoder.save(folder / "weights.safetensors", sigmas, autoencoders, autoencoders[0].options)
    curves = pd.concat([pd.read_parquet(level / "training.parquet") for level in folders])
    write_log(folder / "training.parquet", curves.groupby("images_seen", as_index=False).mean())
    with atomic_path(folder / "states.zip") as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for level in folders:
            entry = zipfile.ZipInfo(f"{level.name}.safetensors")  # without a date: equal states are equal files
            with (
                (level / "state.safetensors").open("rb") as source,
                archive.open(entry, "w", force_zip64=True) as target,
            ):
                shutil.copyfileobj(source, target)


@torch.no_grad()
def calibrated(
    network: Net, images: np.ndarray | batches.SubsetImages, settings: Training, objective: Objective, seed: int
) -> Net:
    """Return a network whose statistics of batch normalisation fit its averaged weights.

    Weights are averaged along training, but averaged statistics are not the statistics of averaged weights. The
    statistics are means over CALIBRATION batches of training images. Networks without such layers are returned
    unchanged.

    Parameters
    ----------
    seed : int
        The only source of the noise.
    """
    network = copy.deepcopy(network)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    network.train()
    device = next(network.parameters()).device
    with loop.float32_products(settings.precision):
        for step in range(CALIBRATION if norms else 0):
            batch = batches.draw(images, step, settings, seed, device, objective.levels)
            network(batch.clean + batch.sigma[:, None, None, None] * batch.noise, batch.sigma)
    return network.eval()
