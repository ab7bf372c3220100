"""From the files of a dataset to samples of a denoiser, its own or spliced with others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from numpy.typing import NDArray

from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.data import open_subset
from hidden_gaussian.denoisers import GaussianDenoiser, open_denoiser
from hidden_gaussian.jobs import choose_device
from hidden_gaussian.sampling import splicing
from hidden_gaussian.sampling.sample_moments import MomentReference
from hidden_gaussian.sampling.sample_sets import memorisation_rows
from hidden_gaussian.sampling.solvers import draw_with_trajectories, latents, trajectory
from hidden_gaussian.spectrum import Spectrum

TRAJECTORIES = 16  # latents whose whole trajectory is saved


class DrawnSamples(NamedTuple):
    """Samples of a denoiser, trajectories of the first few, and the nearest training images as shard rows.

    Attributes
    ----------
    samples : float32 ndarray of shape (n, channels, height, width)
    trajectories : float32 ndarray of shape (16, steps + 1, channels, height, width)
    memorisation : DataFrame
        See :func:`~hidden_gaussian.sampling.sample_sets.memorisation_rows`.

    Examples
    --------
    >>> DrawnSamples._fields
    ('samples', 'trajectories', 'memorisation')
    """

    samples: NDArray[Any]
    trajectories: NDArray[Any]
    memorisation: pd.DataFrame


def draw_samples(root: str | Path, identifier: str, sampler: str, *, count: int, seed: int) -> DrawnSamples:
    """Draw samples of a denoiser from shared latents, and find the nearest training images of each.

    Parameters
    ----------
    root : path
        Folder of a dataset's results.
    identifier : str
        Id of the denoiser.
    sampler : str
        See :func:`~hidden_gaussian.sampling.trajectory`.
    count : int
        Number of samples.
    seed : int
        Root seed of the study.

    Examples
    --------
    >>> drawn = draw_samples("results/digits", "n64a/gaussian", "exact", count=64, seed=0)  # doctest: +SKIP
    """
    training = _training_images(Path(root), identifier)
    start = latents(range(count), training.shape[1:], seed=seed).to(choose_device())
    denoiser = open_denoiser(root, identifier)
    drawn, trajectories = draw_with_trajectories(denoiser, start, sampler, count=TRAJECTORIES)
    samples = drawn.cpu().numpy()
    rows = memorisation_rows(identifier, samples, training, sampler=sampler)
    return DrawnSamples(samples, trajectories.cpu().numpy(), rows)


def _training_images(root: Path, identifier: str) -> NDArray[Any]:
    return open_subset(root / "images.npy", root / DenoiserId.parse(identifier).subset.id / "subset.npy")


def splice_samples(
    root: str | Path,
    identifier: str,
    sampler: str,
    *,
    kinds: Sequence[str],
    ends: Sequence[float],
    count: int,
    largest: str,
    inputs: Sequence[str],
    seed: int,
) -> pd.DataFrame:
    """Draw samples of a network that other denoisers replace at some noise levels, and measure them.

    Parameters
    ----------
    root, identifier, sampler, count, seed
        See :func:`draw_samples`.
    kinds : sequence of {'gaussian', 'empirical', 'linear'}
        Denoisers that replace the network: references of its subset, or its own distilled maps.
    ends : sequence of float
        Ends of the ranges of noise levels, see :func:`~hidden_gaussian.sampling.splicing.level_ranges`.
    largest, inputs
        See :meth:`MomentReference.open`.

    Returns
    -------
    DataFrame
        Shard rows, see :func:`~hidden_gaussian.sampling.splicing.splice_rows`.

    Examples
    --------
    >>> settings = {"kinds": ["gaussian"], "ends": (0.0, 1.0, 80.0), "count": 64, "largest": "n512a"}
    >>> settings |= {"inputs": ["heldout"], "seed": 0}
    >>> rows = splice_samples("results/digits", "n64a/ve16r1/i32000", "heun18", **settings)  # doctest: +SKIP
    """
    subset = DenoiserId.parse(identifier).subset.id
    reference = MomentReference.open(Path(root), subset, largest, inputs)
    network = open_denoiser(root, identifier)
    owners = {"gaussian": subset, "empirical": subset, "linear": identifier}
    replacements = {kind: open_denoiser(root, f"{owners[kind]}/{kind}") for kind in kinds}
    device = choose_device()
    gaussian = GaussianDenoiser(reference.spectrum, device)
    start = latents(range(count), reference.training.shape[1:], seed=seed).to(device)
    states = list(trajectory(network, start, sampler))
    sets = splicing.splice(network, replacements, states, sampler, ends)
    teleported = splicing.teleport(network, gaussian, start, sampler)
    mean = Spectrum.load(Path(root) / largest / "spectrum.safetensors").mean
    return splicing.splice_rows(identifier, chain(sets, teleported), states[-1], reference, mean, sampler)
