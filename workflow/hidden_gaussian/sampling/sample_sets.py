"""Sample sets as shard rows: their nearest training images, and their agreement with each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.errors import InputError
from hidden_gaussian.metrics import COPY_NOISE, agreement_quantities, expected_agreement, nearest_neighbours
from hidden_gaussian.pixels import to_unit
from hidden_gaussian.seeding import numpy_stream
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import load_array, load_one, shard_rows

PHOTOGRAPHS = "photographs"  # the sampler of images that were not drawn


def sample_rows(identifier: str, quantities: Mapping[str, ArrayLike], **where: ArrayLike) -> pd.DataFrame:
    """Return shard rows of quantities with one number for each sample."""
    count = len(np.asarray(next(iter(quantities.values()))))
    return shard_rows(identifier, quantities, image=np.arange(count), **where)


def memorisation_rows(
    identifier: str, samples: NDArray[np.float32], training: NDArray[np.uint8], **where: ArrayLike
) -> pd.DataFrame:
    """Return shard rows of the squared distances of samples to their nearest training images.

    Parameters
    ----------
    samples : ndarray of shape (n, channels, height, width)
        In [-1, 1].
    training : uint8 ndarray of shape (N, channels, height, width)
        Images of the subset of the samples' denoiser.
    """
    flat = samples.reshape(len(samples), -1)
    found = nearest_neighbours(flat, training.reshape(len(training), -1))
    quantities = {
        "nearest": found.nearest,
        "second": found.second,
        "nearest_index": found.index.astype(np.float64),
        "norm": np.square(flat, dtype=np.float64).sum(1),
    }
    quantities = {name: values for name, values in quantities.items() if np.isfinite(values).all()}
    subset = DenoiserId.parse(identifier).subset.id
    return sample_rows(identifier, quantities, reference_id=subset, **where)


def control_rows(
    subset: str, heldout: NDArray[np.float32], training: NDArray[np.uint8], *, count: int, seed: int
) -> pd.DataFrame:
    """Return the memorisation of a negative and a positive control.

    The negative control is held-out photographs; the positive control is copies of training images with 1 to 30 %
    noise.

    Parameters
    ----------
    subset : str
        Folder of the subset, such as ``n64a``.
    heldout : ndarray of shape (n, channels, height, width)
        In [-1, 1].
    count : int
        Copies at each level of noise, at most the number of `heldout`: both are resampled together.
    """
    frames = [memorisation_rows(f"{subset}/heldout", heldout, training, sampler=PHOTOGRAPHS)]
    for level, copies in noisy_copies(training, min(count, len(heldout)), seed):
        where: dict[str, ArrayLike] = {"sampler": PHOTOGRAPHS, "parameter": "noise", "at": level}
        frames.append(memorisation_rows(f"{subset}/copies", copies, training, **where))
    return pd.concat(frames, ignore_index=True)


def noisy_copies(training: NDArray[np.uint8], count: int, seed: int) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Yield (level, copies) of training images with noise from 1 % to 30 % of the spread of the images.

    Parameters
    ----------
    training : uint8 ndarray of shape (N, channels, height, width)
    count : int
        Copies at each level, of images drawn with replacement.
    """
    generator = numpy_stream(seed, "copies")
    chosen = to_unit(training[generator.integers(len(training), size=count)].astype(np.float32))
    spread = float(np.sqrt(np.square(chosen - chosen.mean(0)).mean()))
    for level in COPY_NOISE:
        noise = generator.standard_normal(chosen.shape, dtype=np.float32)
        yield level, chosen + np.float32(level * spread) * noise


def compare(
    identifier: str,
    sampler: str,
    samples: str | Path,
    partners: Mapping[str, str],
    spectra: Mapping[str, str],
    mean: str | Path,
) -> pd.DataFrame:
    """Return the agreement of a sample set with its partners, from files.

    Parameters
    ----------
    identifier, sampler : str
        Id of the denoiser, and the solver that made its samples.
    samples : path
        ``samples_<sampler>.npy``.
    partners : mapping of id to path
        The sample sets that it is compared with.
    spectra : mapping of id to path
        If the denoiser is a Gaussian, its spectrum and those of its partners, which give the expected agreement.
    mean : path
        Spectrum whose mean image is subtracted, see :func:`~hidden_gaussian.metrics.agreement_quantities`.
    """
    mean_image = load_one(mean, "mean")
    others = {name: load(path) for name, path in partners.items()}
    rows = agreement_rows(identifier, load(samples), others, mean_image, sampler=sampler)
    if len(spectra) < 2:
        return rows
    gaussians = {name: Spectrum.load(path) for name, path in spectra.items()}
    return pd.concat([rows, expected_rows(identifier, gaussians, mean_image, sampler)], ignore_index=True)


def agreement_rows(
    identifier: str,
    first: NDArray[np.float32],
    others: dict[str, NDArray[np.float32]],
    mean: NDArray[np.float64],
    **where: ArrayLike,
) -> pd.DataFrame:
    """Return the agreement of a sample set with others from the same latents, and with itself from other latents.

    Parameters
    ----------
    first : ndarray of shape (n, channels, height, width)
    others : mapping of id to ndarray of the same shape
    mean : ndarray of shape (d,)
        Mean image of the dataset.
    """
    flat = first.reshape(len(first), -1).astype(np.float64)
    frames = [
        sample_rows(
            identifier,
            agreement_quantities(flat, other.reshape(flat.shape).astype(np.float64), mean),
            reference_id=name,
            **where,
        )
        for name, other in others.items()
    ]
    shifted = agreement_quantities(flat, np.roll(flat, -1, axis=0), mean)
    frames.append(sample_rows(identifier, shifted, reference_id=identifier, parameter="shift", at=1.0, **where))
    return pd.concat(frames, ignore_index=True)


def expected_rows(
    identifier: str, spectra: dict[str, Spectrum], mean: NDArray[np.float64], sampler: str
) -> pd.DataFrame:
    """Return the expected agreement of the exact samples of one Gaussian with others, in closed form.

    Parameters
    ----------
    identifier : str
        Id of the Gaussian, such as ``n64a/gaussian``.
    spectra : mapping of id to Spectrum
        Spectra of this Gaussian and of the others.
    mean : ndarray of shape (d,)
        Mean image of the dataset.
    """
    own = spectra[identifier]
    frames = [
        shard_rows(identifier, expected_agreement(own, other, mean), reference_id=name, sampler=sampler)
        for name, other in spectra.items()
        if name != identifier
    ]
    return pd.concat(frames, ignore_index=True)


def load(path: str | Path, *, mmap: bool = False) -> NDArray[np.float32]:
    """Read a sample set of shape (samples, channels, height, width); InputError if it is absent, damaged or no set.

    Parameters
    ----------
    path : path
        ``samples_<sampler>.npy``.
    mmap : bool
        Map the file instead of reading it; its checksum is not verified then.
    """
    samples = load_array(path, mmap=mmap)
    if samples.dtype != np.float32 or samples.ndim != 4:
        raise InputError(
            f"{path} is {samples.dtype} of shape {samples.shape}, expected float32 (sample, channel, row, column): "
            "delete it and run again"
        )
    return samples
