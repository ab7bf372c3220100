"""From training images to the file of a reference denoiser that is expensive to fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.denoisers.mixture import MixtureDenoiser
from hidden_gaussian.denoisers.stationary import StationaryDenoiser
from hidden_gaussian.reference_names import family
from hidden_gaussian.spectrum import Spectrum, ledoit_wolf
from hidden_gaussian.storage import save_tensors


def fit_reference(
    name: str, images: NDArray[np.uint8], path: str | Path, *, spectrum: Spectrum, largest: str, seed: int
) -> None:
    """Fit a reference denoiser and write its file.

    Parameters
    ----------
    name : str
        ``gaussian-shrunk`` (the file has its shrinkage only), ``gaussian-expected`` (the file has N and the largest
        subset only), ``stationary`` or ``mixture-K``.
    images : uint8 ndarray of shape (N, channels, height, width)
        Training images.
    path : path
        The ``.safetensors`` file that :func:`~hidden_gaussian.denoisers.open_denoiser` reads.
    spectrum : Spectrum
        Of the training images.
    largest : str
        Folder of the largest subset, such as ``n512a``, which represents the full distribution.
    seed : int
        Root seed of the study; k-means starts from it.

    Examples
    --------
    >>> import tempfile
    >>> from hidden_gaussian.denoisers import StationaryDenoiser
    >>> from hidden_gaussian.spectrum import fit
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 1, 4, 4), dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "denoiser.safetensors"
    ...     fit_reference("stationary", images, path, spectrum=fit(images), largest="n8a", seed=0)
    ...     tuple(StationaryDenoiser.load(path).mean.shape)
    (1, 4, 4)
    """
    match family(name):
        case "gaussian-shrunk", _:
            save_tensors(path, {"shrinkage": np.array(ledoit_wolf(images, spectrum))})
        case "gaussian-expected", _:
            save_tensors(path, {"count": np.array(len(images))}, {"law": largest})
        case "stationary", _:
            StationaryDenoiser.fit(images).save(path)
        case "mixture", components:
            MixtureDenoiser.fit(images, components, seed=seed).save(path)
        case _:
            raise ValueError(f"{name!r} is not a reference denoiser with a file")
