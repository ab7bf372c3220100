"""Mean, covariance and eigenvectors of a subset: everything a Gaussian denoiser is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian import files
from hidden_gaussian.errors import InputError

BLOCK = 1024  # rows whose integer products a float32 matrix product still sums exactly
CENTRE, STEP = 127.5, 1 / 127.5  # a pixel v stands for (v - CENTRE) * STEP, in [-1, 1]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """A Gaussian law by its mean and the eigendecomposition of its covariance.

    Attributes
    ----------
    mean : ndarray of shape (d,)
        Mean image, flattened as (channel, row, column), pixels in [-1, 1].
    eigenvalues : ndarray of shape (k,)
        Variances along the principal components, descending, all positive; k <= min(N - 1, d).
    eigenvectors : ndarray of shape (d, k)
        Principal components in columns.
    count : int
        Number of images N behind the moments.
    """

    mean: Array
    eigenvalues: Array
    eigenvectors: Array
    count: int

    def save(self, path: str | Path, shape: tuple[int, ...]) -> None:
        """Write to a ``.safetensors`` file, with the shape of an image."""
        arrays = {"mean": self.mean, "eigenvalues": self.eigenvalues, "eigenvectors": self.eigenvectors}
        metadata = {"count": str(self.count), "shape": ",".join(map(str, shape))}
        files.save_tensors(path, arrays, metadata)

    @classmethod
    def load(cls, path: str | Path) -> Spectrum:
        """Read a spectrum written by :meth:`save`."""
        arrays = files.load_arrays(path)
        try:
            count = int(files.load_metadata(path)["count"])
            return cls(arrays["mean"], arrays["eigenvalues"], arrays["eigenvectors"], count)
        except KeyError as error:
            raise InputError(f"{path} is not a spectrum: it lacks {error}; delete it and run again") from None


def fit(images: NDArray[np.uint8]) -> Spectrum:
    """Return the mean and the principal components of images (covariance with 1/N).

    With fewer images than pixels the N x N Gram matrix is diagonalised instead of the covariance.

    Parameters
    ----------
    images : uint8 ndarray of shape (N, channels, height, width)

    Raises
    ------
    InputError
        If there is no image.
    """
    count = len(images)
    if count == 0:
        raise InputError("a spectrum needs at least one image, but the subset is empty; choose a larger subset_size")
    rows = images.reshape(count, -1)
    mean = (rows.sum(axis=0, dtype=np.int64) / count - CENTRE) * STEP
    if count <= rows.shape[1]:
        values, vectors = _by_gram(rows, mean)
    else:
        values, vectors = np.linalg.eigh(covariance(rows))
    keep = np.argsort(values)[::-1][: min(count - 1, rows.shape[1])]
    keep = keep[values[keep] > len(values) * np.finfo(float).eps * max(values.max(), 0)]
    return Spectrum(mean, values[keep], np.ascontiguousarray(vectors[:, keep]), count)


def covariance(rows: NDArray[np.uint8]) -> Array:
    """Return the covariance of pixels, exact but for the last division.

    Differences to 128 are integers of at most 128; a block of 1,024 of their products sums to less than 2**24, which
    float32 holds exactly, and blocks are added in float64. So the result depends neither on the order of the images nor
    on the machine.

    Parameters
    ----------
    rows : uint8 ndarray of shape (N, d)

    Returns
    -------
    ndarray of shape (d, d), float64
        Covariance with 1/N of pixels in [-1, 1].
    """
    count, size = rows.shape
    products, total = np.zeros((size, size)), np.zeros(size)
    for start in range(0, count, BLOCK):
        block = rows[start : start + BLOCK].astype(np.float32) - 128
        products += block.T @ block
        total += block.sum(axis=0, dtype=np.float64)
    products -= np.outer(total, total) / count
    products *= STEP**2 / count
    return products


def _by_gram(rows: NDArray[np.uint8], mean: Array) -> tuple[Array, Array]:
    """Return variances and principal components through the N x N products of N < d images."""
    centred = (rows - CENTRE) * STEP - mean
    centred /= np.sqrt(len(rows))
    values, right = np.linalg.eigh(centred @ centred.T)
    lengths = np.sqrt(np.clip(values, np.finfo(float).tiny, None))
    return values, (centred.T @ right) / lengths
