"""From an id to a denoiser."""

from __future__ import annotations

from pathlib import Path

import torch

from hidden_gaussian.data import open_subset
from hidden_gaussian.denoisers.autoencoder import AutoencoderDenoiser
from hidden_gaussian.denoisers.empirical import EmpiricalDenoiser
from hidden_gaussian.denoisers.expected import ExpectedDenoiser
from hidden_gaussian.denoisers.gaussian import GaussianDenoiser
from hidden_gaussian.denoisers.linear import LinearDenoiser
from hidden_gaussian.denoisers.mixture import MixtureDenoiser
from hidden_gaussian.denoisers.network import NetworkDenoiser
from hidden_gaussian.denoisers.patch import PatchDenoiser
from hidden_gaussian.denoisers.protocol import Denoiser
from hidden_gaussian.denoisers.stationary import StationaryDenoiser
from hidden_gaussian.denoisers.trivial import IdentityDenoiser, MeanDenoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.reference_names import is_configurable
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import load_arrays, load_metadata, load_one


def best_device() -> torch.device:
    """Return the GPU when there is one, else the CPU; float32 is no longer rounded to TF32, as torch does in places."""
    _forbid_tf32()
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _forbid_tf32() -> None:
    """Have float32 products and convolutions of this process computed as such: TF32 keeps 10 bits of 23."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


def open_denoiser(root: str | Path, identifier: str, device: torch.device | str | None = None) -> Denoiser:
    """Return the denoiser that an id names.

    Parameters
    ----------
    root : path
        Folder of a dataset's results.
    identifier : str
        ``n64a/gaussian``, ``n64a/empirical``, ``n64a/identity``, ``n64a/mean``, ``n64a/gaussian-shrunk``,
        ``n64a/gaussian-expected``, ``n64a/stationary``, ``n64a/mixture-8``, ``n64a/patch-3``, ``n64a/ve16r1/i64000`` or
        ``.../i64000/linear``.
    device : device or str, optional
        Default: the GPU when there is one.

    Raises
    ------
    InputError
        If the id names nothing, or its file is missing or damaged.
    """
    _forbid_tf32()
    device = best_device() if device is None else torch.device(device)
    folder = Path(root) / identifier
    match folder.name:
        case "identity":
            return IdentityDenoiser()
        case "gaussian":
            return GaussianDenoiser(Spectrum.load(folder.parent / "spectrum.safetensors"), device)
        case "mean":
            return MeanDenoiser(mean_image(folder.parent / "spectrum.safetensors"))
        case "empirical":
            return EmpiricalDenoiser(_training_images(folder.parent, device))
        case "linear":
            return LinearDenoiser.load(folder.parent / "linear.safetensors")
    if is_configurable(folder.name):
        return _open_reference(folder, device)
    if folder.name.startswith("i") and folder.name[1:].isdigit():
        kind = AutoencoderDenoiser if folder.parent.name.startswith("dae-") else NetworkDenoiser
        return kind.load(folder / "weights.safetensors", device)
    raise InputError(
        f"{identifier!r} names no denoiser; known are gaussian, empirical, identity, mean, linear, i<N>, "
        "gaussian-shrunk, gaussian-expected, stationary, mixture-<K>, patch-<odd P>"
    )


def _open_reference(folder: Path, device: torch.device) -> Denoiser:
    fitted = folder / "denoiser.safetensors"
    match folder.name.split("-"):
        case ["patch", size]:
            return PatchDenoiser(_training_images(folder.parent, device), int(size))
        case ["mixture", _]:
            return MixtureDenoiser.load(fitted, device)
        case ["stationary"]:
            return StationaryDenoiser.load(fitted).to(device)
    found, needed = load_arrays(fitted), "count" if folder.name == "gaussian-expected" else "shrinkage"
    if needed not in found:
        raise InputError(f"{fitted} holds no {needed} of a Gaussian; delete it and run again")
    if needed == "shrinkage":
        spectrum = Spectrum.load(folder.parent / "spectrum.safetensors")
        return GaussianDenoiser(spectrum.shrunk(float(found[needed])), device)
    largest = folder.parents[1] / load_metadata(fitted)["law"]
    return ExpectedDenoiser(Spectrum.load(largest / "spectrum.safetensors"), int(found[needed]), device)


def _training_images(subset: Path, device: torch.device) -> torch.Tensor:
    """Return the uint8 images of a subset, from its folder."""
    return torch.from_numpy(open_subset(subset.parent / "images.npy", subset / "subset.npy")).to(device)


def mean_image(spectrum: str | Path) -> torch.Tensor:
    """Return the mean image of a subset, of shape (channels, height, width), from its spectrum's file."""
    shape = [int(size) for size in load_metadata(spectrum)["shape"].split(",")]
    return torch.from_numpy(load_one(spectrum, "mean")).float().reshape(shape)
