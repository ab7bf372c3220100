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

from hidden_gaussian import batches, files, guards, seeding, tables, training
from hidden_gaussian.cells import Cell
from hidden_gaussian.denoisers import autoencoder
from hidden_gaussian.denoisers.network import load_network
from hidden_gaussian.denoisers.opening import best_device
from hidden_gaussian.errors import InputError
from hidden_gaussian.levels import AUTOENCODERS, schedule
from hidden_gaussian.objectives import Objective, at_level
from hidden_gaussian.settings import Network, Training

CALIBRATION = 64  # batches that statistics of batch normalisation are averaged over

logger = logging.getLogger(__name__)


def train_cell(
    cell: Cell,
    network: Network,
    settings: Training,
    images: np.ndarray,
    *,
    seed: int,
    previous_state: Path | None,
    side_file: Path,
    folder: Path,
    device: torch.device | str | None = None,
) -> None:
    """Train one stretch of ten autoencoders with the plain loss, from the snapshot before it, and write the next.

    Each level is trained as :func:`hidden_gaussian.training.train_cell` trains a network, with random numbers of its
    own and without augmentation, to `images_seen` images: the cell saw ten times as many. A run that was stopped goes
    on where it was: the folder of the side file keeps the levels that are finished, and the unfinished one.

    Parameters
    ----------
    cell, network, settings, images, seed, device
        See :func:`hidden_gaussian.training.train_cell`; ``augment``, ``p_mean`` and ``p_std`` are not used.
    previous_state : Path or None
        ``states.zip`` of the snapshot before; None starts a run.
    side_file : Path
        Without its suffix, the folder that keeps what is unfinished; removed at the end.
    folder : Path
        Gets ``weights.safetensors``, ``states.zip`` and ``training.parquet``, whose losses are means over the levels.

    Raises
    ------
    InputError, Interrupted
        See :func:`hidden_gaussian.training.train_cell`.
    """
    network, settings = network.model_copy(update={"augment_dim": 0}), settings.model_copy(update={"augment": 0.0})
    device = torch.device(device or best_device())
    unfinished, sigmas = side_file.with_suffix(""), schedule(AUTOENCODERS).tolist()
    places = [unfinished / f"level{number}" for number in range(len(sigmas))]
    with guards.lock(side_file):
        for number, (sigma, place) in enumerate(zip(sigmas, places, strict=True)):
            logger.info("%s: level %d of %d, sigma %.4g", cell.id, number + 1, len(sigmas), sigma)
            training.train_cell(
                cell,
                network,
                settings,
                images,
                seed=seeding.derive(seed, "autoencoder", number),
                previous_state=_begun(place, previous_state),
                side_file=place / "unfinished.safetensors",
                folder=place,
                device=device,
                objective=at_level(sigma),
            )
        _assemble(folder, places, sigmas, images, settings, seed, device)
        shutil.rmtree(unfinished)


def _begun(place: Path, previous: Path | None) -> Path | None:
    """Return the state that a level goes on from: its own if it is finished, else that of the snapshot before."""
    finished = place / "state.safetensors"
    if finished.exists() or previous is None:
        return finished if finished.exists() else None
    before = place / "before.safetensors"
    try:
        with (
            zipfile.ZipFile(previous) as archive,
            archive.open(f"{place.name}.safetensors") as source,
            files.atomic_path(before) as temporary,
            temporary.open("wb") as target,
        ):
            shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, KeyError, EOFError, FileNotFoundError) as error:
        raise InputError(f"{previous} is damaged ({error}): delete it and run again") from None
    return before


def _assemble(
    folder: Path,
    places: Sequence[Path],
    sigmas: Sequence[float],
    images: np.ndarray,
    settings: Training,
    seed: int,
    device: torch.device,
) -> None:
    """Write the snapshot of all levels from those of each."""
    autoencoders = [load_network(place / "weights.safetensors") for place in places]
    for number, (network, sigma) in enumerate(zip(autoencoders, sigmas, strict=True)):
        stream = seeding.derive(seed, "calibration", number)
        calibrate(network.to(device), images, settings, at_level(sigma), stream, device)
    autoencoder.save(folder / "weights.safetensors", sigmas, autoencoders, autoencoders[0].options)
    curves = pd.concat([pd.read_parquet(place / "training.parquet") for place in places])
    tables.write_log(folder / "training.parquet", curves.groupby("images_seen", as_index=False).mean())
    with files.atomic_path(folder / "states.zip") as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for place in places:
            entry = zipfile.ZipInfo(f"{place.name}.safetensors")  # without a date: equal states are equal files
            with (
                (place / "state.safetensors").open("rb") as source,
                archive.open(entry, "w", force_zip64=True) as target,
            ):
                shutil.copyfileobj(source, target)


@torch.no_grad()
def calibrate(
    network: nn.Module, images: np.ndarray, settings: Training, objective: Objective, seed: int, device: torch.device
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
