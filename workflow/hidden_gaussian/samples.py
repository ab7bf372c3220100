"""Sample sets: drawn from shared latents, held against the training images, compared with each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gaussian.metrics.agreement import agreement_quantities
from hidden_gaussian.metrics.memorisation import neighbours
from hidden_gaussian.seeding import numpy_stream

COPY_NOISE = (0.01, 0.05, 0.1, 0.2, 0.3)  # of the spread of the images around their mean


def rows(identifier: str, quantities: dict[str, NDArray[np.float64]], **where: object) -> pd.DataFrame:
    """Return shard rows of quantities with one number a sample."""
    frames = [
        pd.DataFrame({"id": identifier, **where, "image": np.arange(len(values)), "quantity": name, "value": values})
        for name, values in quantities.items()
    ]
    return pd.concat(frames, ignore_index=True)


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
        Copies a level of noise, of training images drawn with replacement.
    """
    frames = [memorisation_rows(f"{subset}/heldout", heldout, training, sampler="photographs")]
    generator = numpy_stream(seed, "copies")
    chosen = training[generator.integers(len(training), size=count)].astype(np.float32) / 127.5 - 1
    spread = float(np.sqrt(np.square(chosen - chosen.mean(0)).mean()))
    for level in COPY_NOISE:
        noise = generator.standard_normal(chosen.shape, dtype=np.float32)
        copies = chosen + np.float32(level * spread) * noise
        where = {"sampler": "photographs", "parameter": "noise", "at": level}
        frames.append(memorisation_rows(f"{subset}/copies", copies, training, **where))
    return pd.concat(frames, ignore_index=True)


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


def sample_id(path: str | Path, root: str | Path) -> str:
    """Return the id of a sample set from the path of its file."""
    return Path(path).parent.relative_to(root).as_posix()
