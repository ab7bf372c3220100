"""Denoisers by their ids."""

from __future__ import annotations

from pathlib import Path

import torch

from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.data import open_subset
from hidden_gaussian.denoisers.autoencoder import AutoencoderDenoiser
from hidden_gaussian.denoisers.empirical import EmpiricalDenoiser
from hidden_gaussian.denoisers.gaussian import ExpectedDenoiser, GaussianDenoiser
from hidden_gaussian.denoisers.linear import LinearDenoiser
from hidden_gaussian.denoisers.mixture import MixtureDenoiser
from hidden_gaussian.denoisers.network import NetworkDenoiser
from hidden_gaussian.denoisers.patch import PatchDenoiser
from hidden_gaussian.denoisers.protocol import Denoiser
from hidden_gaussian.denoisers.stationary import StationaryDenoiser
from hidden_gaussian.denoisers.trivial import IdentityDenoiser, MeanDenoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import choose_device
from hidden_gaussian.reference_names import family, is_configurable
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import load_arrays, load_metadata, load_one


def open_denoiser(root: str | Path, identifier: str, device: torch.device | str | None = None) -> Denoiser:
    """Return the denoiser of an id.

    On a GPU, call :func:`~hidden_gaussian.jobs.set_precision` first.

    Parameters
    ----------
    root : path
        Folder of a dataset's results.
    identifier : str
        ``n64a/gaussian``, ``n64a/empirical``, ``n64a/identity``, ``n64a/mean``, ``n64a/gaussian-shrunk``,
        ``n64a/gaussian-expected``, ``n64a/stationary``, ``n64a/mixture-8``, ``n64a/patch-3``, ``n64a/ve16r1/i64000`` or
        ``.../i64000/linear``.
    device : device or str, optional
        Default: the GPU if there is one.

    Raises
    ------
    InputError
        If there is no such denoiser, or its file is missing or damaged.

    Examples
    --------
    >>> open_denoiser("results/digits", "n64a/identity")(torch.ones(1, 1, 1, 1), 0.5).item()
    1.0
    """
    device = choose_device() if device is None else torch.device(device)
    denoiser = DenoiserId.parse(identifier)
    subset, owner = Path(root, denoiser.subset.id), Path(root, denoiser.owner.id)
    match denoiser.kind:
        case "identity":
            return IdentityDenoiser()
        case "gaussian":
            return GaussianDenoiser(Spectrum.load(subset / "spectrum.safetensors"), device)
        case "mean":
            return MeanDenoiser(mean_image(subset / "spectrum.safetensors"))
        case "empirical":
            return EmpiricalDenoiser(_training_images(subset, device))
        case "linear":
            return LinearDenoiser.load(owner / "linear.safetensors")
    if is_configurable(denoiser.kind):
        return _open_reference(owner, device)
    if denoiser.is_network:
        kind = AutoencoderDenoiser if denoiser.cell("").is_levelwise else NetworkDenoiser
        return kind.load(owner / "weights.safetensors", device)
    raise InputError(
        f"{identifier!r} names no denoiser; known are gaussian, empirical, identity, mean, linear, i<N>, "
        "gaussian-shrunk, gaussian-expected, stationary, mixture-<K>, patch-<odd P>"
    )


def _open_reference(folder: Path, device: torch.device) -> Denoiser:
    fitted = folder / "denoiser.safetensors"
    match family(folder.name):
        case "patch", size:
            return PatchDenoiser(_training_images(folder.parent, device), size)
        case "mixture", _:
            return MixtureDenoiser.load(fitted, device)
        case "stationary", _:
            return StationaryDenoiser.load(fitted).to(device)
    arrays, name = load_arrays(fitted), "count" if folder.name == "gaussian-expected" else "shrinkage"
    if name not in arrays:
        raise InputError(f"{fitted} holds no {name} of a Gaussian; delete it and run again")
    if name == "shrinkage":
        spectrum = Spectrum.load(folder.parent / "spectrum.safetensors")
        return GaussianDenoiser(spectrum.shrunk(float(arrays[name])), device)
    largest = folder.parents[1] / load_metadata(fitted)["law"]
    return ExpectedDenoiser(Spectrum.load(largest / "spectrum.safetensors"), int(arrays[name]), device)


def _training_images(subset: Path, device: torch.device) -> torch.Tensor:
    """Return the uint8 images of a subset's folder."""
    return torch.from_numpy(open_subset(subset.parent / "images.npy", subset / "subset.npy")).to(device)


def mean_image(spectrum: str | Path) -> torch.Tensor:
    """Return the mean image in a spectrum's file, float32 of shape (channels, height, width).

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Spectrum(np.zeros(4), np.ones(4), np.eye(4), count=9).save(f"{folder}/spectrum.safetensors", (1, 2, 2))
    ...     mean_image(f"{folder}/spectrum.safetensors").shape
    torch.Size([1, 2, 2])
    """
    shape = [int(size) for size in load_metadata(spectrum)["shape"].split(",")]
    return torch.from_numpy(load_one(spectrum, "mean")).float().reshape(shape)
