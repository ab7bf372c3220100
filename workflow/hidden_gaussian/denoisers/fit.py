"""From training images to the file of a reference denoiser that is costly to fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.denoisers.mixture import MixtureDenoiser
from hidden_gaussian.denoisers.stationary import StationaryDenoiser
from hidden_gaussian.spectrum import Spectrum, ledoit_wolf
from hidden_gaussian.storage import save_tensors


def fit_reference(
    name: str, images: NDArray[np.uint8], path: str | Path, *, law: Spectrum, largest: str, seed: int
) -> None:
    """Fit a reference denoiser and write its file.

    Parameters
    ----------
    name : str
        ``gaussian-shrunk`` (of which only the shrinkage is kept), ``gaussian-expected`` (only what it is made of),
        ``stationary`` or ``mixture-K``.
    images : uint8 ndarray of shape (N, channels, height, width)
        Training images.
    path : path
        The ``.safetensors`` file that :func:`~hidden_gaussian.denoisers.open_denoiser` reads.
    law : Spectrum
        Of the training images.
    largest : str
        Folder of the largest subset, such as ``n512a``, whose law stands for that of all images.
    seed : int
        Root seed, for where k-means starts.
    """
    match name.split("-"):
        case ["gaussian", "shrunk"]:
            save_tensors(path, {"shrinkage": np.array(ledoit_wolf(images, law))})
        case ["gaussian", "expected"]:
            save_tensors(path, {"count": np.array(len(images))}, {"law": largest})
        case ["stationary"]:
            StationaryDenoiser.fit(images).save(path)
        case ["mixture", components]:
            MixtureDenoiser.fit(images, int(components), seed=seed).save(path)
        case _:
            raise ValueError(f"{name!r} is no reference denoiser that is fitted")
