"""Sample sets: drawn from shared latents, held against the training images, compared with each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gaussian.errors import InputError
from hidden_gaussian.metrics import agreement_quantities, expected_agreement, neighbours
from hidden_gaussian.pixels import to_unit
from hidden_gaussian.seeding import numpy_stream
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import load_array

COPY_NOISE = (0.01, 0.05, 0.1, 0.2, 0.3)  # of the spread of the images around their mean


def rows(identifier: str, quantities: dict[str, NDArray[np.float64]], **where: object) -> pd.DataFrame:
    """Return shard rows of quantities with one number a sample."""
    frames = [
        pd.DataFrame(
            {"id": identifier, **where, "image": np.arange(len(values)), "draw": 0, "quantity": name, "value": values}
        )
        for name, values in quantities.items()
    ]
    return pd.concat(frames, ignore_index=True)


def single_rows(identifier: str, quantities: dict[str, float], **where: object) -> pd.DataFrame:
    """Return shard rows of quantities with one number for all samples."""
    columns = {"quantity": list(quantities), "value": list(quantities.values())}
    return pd.DataFrame({"id": identifier, **where, "image": -1, "draw": 0, **columns})


def memorisation_rows(
    identifier: str, samples: NDArray[np.float32], training: NDArray[np.uint8], **where: object
) -> pd.DataFrame:
    """Return how near each sample is to the training images.

    Parameters
    ----------
    samples : ndarray of shape (n, channels, height, width)
        In [-1, 1].
    training : uint8 ndarray of shape (N, channels, height, width)
        Of the subset that the samples' denoiser was made from.
    """
    flat = samples.reshape(len(samples), -1)
    found = neighbours(flat, training.reshape(len(training), -1))
    quantities = {
        "nearest": found.nearest,
        "second": found.second,
        "nearest_index": found.index.astype(np.float64),
        "norm": np.square(flat, dtype=np.float64).sum(1),
    }
    quantities = {name: values for name, values in quantities.items() if np.isfinite(values).all()}
    return rows(identifier, quantities, reference_id=identifier.split("/")[0], **where)


def null_rows(
    subset: str, heldout: NDArray[np.float32], training: NDArray[np.uint8], *, count: int, seed: int
) -> pd.DataFrame:
    """Return the memorisation of what surely is none, and of what surely is one.

    Held-out photographs, and copies of training images with 1 to 30 % noise: the false and the true positives.

    Parameters
    ----------
    subset : str
        Folder of the subset, such as ``n64a``.
    heldout : ndarray of shape (n, channels, height, width)
        In [-1, 1].
    count : int
        Copies a level of noise, of training images drawn with replacement; at most as many as `heldout`, which they
        are resampled with.
    """
    frames = [memorisation_rows(f"{subset}/heldout", heldout, training, sampler="photographs")]
    for level, copies in noisy_copies(training, min(count, len(heldout)), seed):
        where = {"sampler": "photographs", "parameter": "noise", "at": level}
        frames.append(memorisation_rows(f"{subset}/copies", copies, training, **where))
    return pd.concat(frames, ignore_index=True)


def noisy_copies(training: NDArray[np.uint8], count: int, seed: int) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Yield copies of training images with more and more noise, from 1 % of the spread of the images to 30 %.

    Parameters
    ----------
    training : uint8 ndarray of shape (N, channels, height, width)
    count : int
        Copies a level, of images drawn with replacement.
    """
    generator = numpy_stream(seed, "copies")
    chosen = to_unit(training[generator.integers(len(training), size=count)].astype(np.float32))
    spread = float(np.sqrt(np.square(chosen - chosen.mean(0)).mean()))
    for level in COPY_NOISE:
        noise = generator.standard_normal(chosen.shape, dtype=np.float32)
        yield level, chosen + np.float32(level * spread) * noise


def agreement_rows(
    identifier: str,
    first: NDArray[np.float32],
    others: dict[str, NDArray[np.float32]],
    mean: NDArray[np.float64],
    **where: object,
) -> pd.DataFrame:
    """Return how alike a sample set is to others of the same latents, and to itself of other latents.

    Parameters
    ----------
    first : ndarray of shape (n, channels, height, width)
    others : mapping of id to ndarray of the same shape
    mean : ndarray of shape (d,)
        Mean image of the dataset.
    """
    flat = first.reshape(len(first), -1).astype(np.float64)
    frames = [
        rows(
            identifier,
            agreement_quantities(flat, other.reshape(flat.shape).astype(np.float64), mean),
            reference_id=name,
            **where,
        )
        for name, other in others.items()
    ]
    shifted = agreement_quantities(flat, np.roll(flat, -1, axis=0), mean)
    frames.append(rows(identifier, shifted, reference_id=identifier, parameter="shift", at=1.0, **where))
    return pd.concat(frames, ignore_index=True)


def expected_rows(
    identifier: str, spectra: dict[str, Spectrum], mean: NDArray[np.float64], sampler: str
) -> pd.DataFrame:
    """Return how alike the exact samples of one Gaussian and of others must be, without any being drawn.

    Parameters
    ----------
    identifier : str
        Of the Gaussian, such as ``n64a/gaussian``; others are compared with it.
    spectra : mapping of id to Spectrum
        Of all of them.
    mean : ndarray of shape (d,)
        Mean image of the dataset.
    """
    own = spectra[identifier]
    frames = [
        single_rows(identifier, expected_agreement(own, other, mean), reference_id=name, sampler=sampler)
        for name, other in spectra.items()
        if name != identifier
    ]
    return pd.concat(frames, ignore_index=True)


def load(path: str | Path, *, mmap: bool = False) -> NDArray[np.float32]:
    """Read a sample set, of shape (samples, channels, height, width); InputError if it is absent, damaged or another.

    Parameters
    ----------
    path : path
        ``samples_<sampler>.npy``.
    mmap : bool
        Map it instead of reading it; its checksum is not compared then.
    """
    samples = load_array(path, mmap=mmap)
    if samples.dtype != np.float32 or samples.ndim != 4:
        raise InputError(
            f"{path} is {samples.dtype} of shape {samples.shape}, expected float32 (sample, channel, row, column): "
            "delete it and run again"
        )
    return samples


def partner_id(path: str | Path, root: str | Path, sampler: str) -> str:
    """Return the ``reference_id`` of a sample set that others, made with `sampler`, are compared with.

    Its id; with ``/exact`` after it where it is the exact solution and the others are not.
    """
    exact = Path(path).stem == "samples_exact" and sampler != "exact"
    return sample_id(path, root) + "/exact" * exact


def sample_id(path: str | Path, root: str | Path) -> str:
    """Return the id of a sample set from the path of its file."""
    return Path(path).parent.relative_to(root).as_posix()
