"""From an id to a denoiser."""

from __future__ import annotations

from pathlib import Path

import torch

from hidden_gaussian import files, images
from hidden_gaussian.denoisers.autoencoder import AutoencoderDenoiser
from hidden_gaussian.denoisers.empirical import EmpiricalDenoiser
from hidden_gaussian.denoisers.gaussian import GaussianDenoiser
from hidden_gaussian.denoisers.linear import LinearDenoiser
from hidden_gaussian.denoisers.network import NetworkDenoiser
from hidden_gaussian.denoisers.protocol import Denoiser
from hidden_gaussian.denoisers.trivial import IdentityDenoiser, MeanDenoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.spectrum import Spectrum


def best_device() -> torch.device:
    """Return the GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def open_denoiser(root: str | Path, identifier: str, device: torch.device | str | None = None) -> Denoiser:
    """Return the denoiser that an id names.

    Parameters
    ----------
    root : path
        Folder of a dataset's results.
    identifier : str
        ``n64a/gaussian``, ``n64a/empirical``, ``n64a/identity``, ``n64a/mean``, ``n64a/ve16r1/i64000`` or that
        followed by ``/linear``.
    device : device or str, optional
        Default: the GPU when there is one.

    Raises
    ------
    InputError
        If the id names nothing, or its file is missing or damaged.
    """
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
            subset = files.load_array(folder.parent / "subset.npy")
            return EmpiricalDenoiser(torch.from_numpy(images.open_images(Path(root) / "images.npy")[subset]).to(device))
        case "linear":
            return LinearDenoiser.load(folder.parent / "linear.safetensors")
    if folder.name.startswith("i") and folder.name[1:].isdigit():
        kind = AutoencoderDenoiser if folder.parent.name.startswith("dae-") else NetworkDenoiser
        return kind.load(folder / "weights.safetensors", device)
    raise InputError(f"{identifier!r} names no denoiser; known are gaussian, empirical, identity, mean, linear, i<N>")


def mean_image(spectrum: str | Path) -> torch.Tensor:
    """Return the mean image of a subset, of shape (channels, height, width), from its spectrum's file."""
    shape = [int(size) for size in files.load_metadata(spectrum)["shape"].split(",")]
    return torch.from_numpy(Spectrum.load(spectrum).mean).float().reshape(shape)
