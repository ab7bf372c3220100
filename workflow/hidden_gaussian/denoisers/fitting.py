"""From training images to the file of a reference denoiser that is costly to fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian import files, spectrum
from hidden_gaussian.denoisers.mixture import MixtureDenoiser
from hidden_gaussian.denoisers.stationary import StationaryDenoiser


def fit_reference(name: str, images: NDArray[np.uint8], path: str | Path, *, seed: int) -> None:
    """Fit a reference denoiser and write its file.

    Parameters
    ----------
    name : str
        ``gaussian-shrunk`` (of which only the shrinkage is kept), ``stationary`` or ``mixture-K``.
    images : uint8 ndarray of shape (N, channels, height, width)
        Training images.
    path : path
        The ``.safetensors`` file that :func:`~hidden_gaussian.denoisers.open_denoiser` reads.
    seed : int
        Root seed, for where k-means starts.
    """
    match name.split("-"):
        case ["gaussian", "shrunk"]:
            files.save_tensors(path, {"shrinkage": np.array(spectrum.ledoit_wolf(images))})
        case ["stationary"]:
            StationaryDenoiser.fit(images).save(path)
        case ["mixture", components]:
            MixtureDenoiser.fit(images, int(components), seed=seed).save(path)
        case _:
            raise ValueError(f"{name!r} is no reference denoiser that is fitted")
