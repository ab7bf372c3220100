"""Mean, covariance and eigenvectors of a subset: everything a Gaussian denoiser is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from hidden_gaussian.errors import InputError
from hidden_gaussian.pixels import HALF_RANGE
from hidden_gaussian.storage import holding, load_arrays, load_metadata, save_tensors

EXACT = 1024  # products of two pixels that float32 sums exactly: 1024 * 128 * 128 = 2**24
BLOCK = EXACT
CENTRE, STEP = HALF_RANGE, 1 / HALF_RANGE  # a pixel v stands for (v - CENTRE) * STEP, in [-1, 1]

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
    rest : float
        Variance along every direction that is orthogonal to the components; 0 unless the law was regularised.
    """

    mean: Array
    eigenvalues: Array
    eigenvectors: Array
    count: int
    rest: float = 0.0

    def save(self, path: str | Path, shape: tuple[int, ...]) -> None:
        """Write to a ``.safetensors`` file, with the shape of an image."""
        arrays = {"mean": self.mean, "eigenvalues": self.eigenvalues, "eigenvectors": self.eigenvectors}
        metadata = {"count": str(self.count), "shape": ",".join(map(str, shape))}
        save_tensors(path, arrays, metadata)

    @classmethod
    def load(cls, path: str | Path) -> Spectrum:
        """Read a spectrum written by :meth:`save`."""
        arrays = load_arrays(path)
        with holding(path, "a spectrum"):
            count = int(load_metadata(path)["count"])
            return cls(arrays["mean"], arrays["eigenvalues"], arrays["eigenvectors"], count)

    def leading(self, rank: int, *, spread: bool = False) -> Spectrum:
        """Return the law with the first `rank` components only.

        Parameters
        ----------
        rank : int
        spread : bool
            Give the variance of the others evenly to all other directions (probabilistic principal components, Tipping
            and Bishop 1999) instead of dropping it.
        """
        outside = len(self.mean) - rank
        dropped = self.eigenvalues[rank:].sum() + self.rest * (len(self.mean) - len(self.eigenvalues))
        rest = float(dropped / outside) if spread and outside > 0 else 0.0
        return replace(self, eigenvalues=self.eigenvalues[:rank], eigenvectors=self.eigenvectors[:, :rank], rest=rest)

    def shrunk(self, shrinkage: float) -> Spectrum:
        """Return the law whose covariance is (1 - shrinkage) Sigma + shrinkage tr(Sigma)/d I."""
        level = shrinkage * float(self.eigenvalues.sum()) / len(self.mean)
        return replace(self, eigenvalues=(1 - shrinkage) * self.eigenvalues + level, rest=level)


@dataclass(frozen=True)
class Moments:
    """Sums over images from which mean and covariance follow; all whole numbers, so that every sum is exact.

    Two sets of images that share none are merged by ``+``: the result is that of all their images, bit for bit,
    whatever the order, the blocks and the shards.

    Attributes
    ----------
    count : int
        Number of images N.
    total : ndarray of shape (d,), float64
        Sum of v - 128 over the images, v being a uint8 pixel.
    products : ndarray of shape (d, d), float64
        Sum of (v - 128)(w - 128) for each pair of pixels.
    """

    count: int
    total: Array
    products: Array

    @classmethod
    def of(cls, rows: NDArray[np.uint8], block: int = BLOCK) -> Moments:
        """Return the moments of images given as rows, of shape (N, d); at most 1,024 a block.

        Besides the d x d result only a block of images and a panel of 1,024 of its columns are held.

        Raises
        ------
        ValueError
            If a block is so long that its sums would be rounded.
        """
        if not 0 < block <= EXACT:
            raise ValueError(f"blocks of {block} images are not summed exactly: give at most {EXACT}")
        count, size = rows.shape
        products, total = np.zeros((size, size)), np.zeros(size)
        for start in range(0, count, block):
            part = _whole(rows[start : start + block])
            total += part.sum(axis=0, dtype=np.float64)
            for panel in _panels(size):
                products[panel, : panel.stop] += part[:, panel].T @ part[:, : panel.stop]
        for panel in _panels(size):
            products[: panel.stop, panel] = products[panel, : panel.stop].T
        return cls(count, total, products)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.total + other.total, self.products + other.products)

    @property
    def mean(self) -> Array:
        """Mean image in [-1, 1], of shape (d,)."""
        return _mean(self.total, self.count)

    def covariance(self) -> Array:
        """Return the covariance with 1/N of pixels in [-1, 1], of shape (d, d), exact but for three roundings."""
        covariance = np.empty_like(self.products)
        for panel in _panels(len(self.total)):
            np.multiply.outer(self.total[panel] / self.count, self.total, out=covariance[panel])
        np.subtract(self.products, covariance, out=covariance)
        covariance *= STEP**2 / self.count
        return covariance


def fit(images: NDArray[np.uint8]) -> Spectrum:
    """Return the mean and the principal components of images (covariance with 1/N).

    With at most as many images as pixels the N x N Gram matrix is diagonalised, else the d x d covariance; of
    whichever it is, LAPACK's divide and conquer holds three at a time in float64 (d = 12,288: 3.6 GB), and the
    components another.

    Parameters
    ----------
    images : uint8 ndarray of shape (N, channels, height, width)

    Raises
    ------
    InputError
        If there is no image, or pixels are not uint8.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = f"{type(images).__name__} of {getattr(images, 'dtype', 'no type')}"
        raise InputError(f"a spectrum is of pixels from 0 to 255 in a numpy array of uint8, but these are a {kind}")
    count = len(images)
    if count == 0:
        raise InputError("a spectrum needs at least one image, but the subset is empty; choose a larger subset_size")
    rows = images.reshape(count, -1)
    return _by_gram(rows) if count <= rows.shape[1] else from_moments(Moments.of(rows))


def from_moments(moments: Moments) -> Spectrum:
    """Return the principal components of images known by their moments."""
    values, vectors = _eigh(moments.covariance())
    kept = _kept(values, min(moments.count - 1, len(values)))
    return Spectrum(moments.mean, values[kept], np.ascontiguousarray(vectors[:, kept]), moments.count)


def ledoit_wolf(images: NDArray[np.uint8], spectrum: Spectrum) -> float:
    """Return the shrinkage of the covariance towards tr(Sigma)/d I with the least expected squared error.

    The estimate of Ledoit and Wolf (2004) for :meth:`Spectrum.shrunk`: b / (|Sigma|^2 - tr(Sigma)^2/d), at most 1, with
    b = (mean of |x - mu|^4 - |Sigma|^2) / N. Images are read a block at a time, and no covariance is formed.

    Parameters
    ----------
    images : uint8 ndarray of shape (N, channels, height, width)
    spectrum : Spectrum
        Of these images.
    """
    fourth, count = 0.0, len(images)
    for start in range(0, count, BLOCK):
        part = images[start : start + BLOCK]
        centred = (part.reshape(len(part), -1) - CENTRE) * STEP - spectrum.mean
        fourth += float((np.square(centred).sum(1) ** 2).sum())
    square, trace = float(np.square(spectrum.eigenvalues).sum()), float(spectrum.eigenvalues.sum())
    spread = square - trace**2 / len(spectrum.mean)
    noise = min((fourth / count - square) / count, spread)
    return noise / spread if noise > 0 else 0.0


def effective_sigma(spectrum: Spectrum, count: int, sigma: float) -> float:
    """Return the noise level at which the Gaussian denoiser of the whole law acts as that of `count` images at `sigma`.

    The deterministic equivalent of random-matrix theory: the mean over subsets of Sigma_N (Sigma_N + s^2 I)^-1 tends to
    Sigma (Sigma + kappa I)^-1, where kappa solves s^2 = kappa (1 - tr(Sigma (Sigma + kappa I)^-1) / N).

    Parameters
    ----------
    spectrum : Spectrum
        Of the whole law, in practice of the largest subset.
    count : int
        Images of the small subset.
    sigma : float
        Above 0.

    Returns
    -------
    float
        sqrt(kappa) >= sigma, to be handed to a GaussianDenoiser of `spectrum` in the place of `sigma`.
    """
    from scipy import optimize  # takes a tenth of the start of every job that opens a denoiser

    values = spectrum.eigenvalues

    def excess(kappa: float) -> float:
        shares = (values / (values + kappa)).sum() + spectrum.rest / (spectrum.rest + kappa) * outside
        return float(kappa * (1 - shares / count) - sigma**2)

    outside = len(spectrum.mean) - len(values)
    variance = values.sum() + spectrum.rest * outside
    upper = sigma**2 + variance / count  # since kappa tr(Sigma (Sigma + kappa I)^-1) < tr Sigma
    if excess(upper) <= 0:  # as near to the root as numbers go
        return float(np.sqrt(upper))
    return float(np.sqrt(optimize.brentq(excess, sigma**2, upper, xtol=1e-14 * sigma**2, rtol=1e-14)))


def _by_gram(rows: NDArray[np.uint8]) -> Spectrum:
    """Return the spectrum through the N x N inner products of N <= d images, which are exact before centring."""
    count, size = rows.shape
    gram = np.zeros((count, count))
    for panel in _panels(size):
        part = _whole(rows[:, panel])
        gram += part @ part.T
    means = gram.mean(axis=0)
    gram -= means
    gram -= (means - means.mean())[:, None]
    gram *= STEP**2 / count
    values, right = _eigh(gram)
    kept = _kept(values, count - 1)
    values, right = values[kept], right[:, kept] / np.sqrt(count * values[kept])
    total = rows.sum(axis=0, dtype=np.int64).astype(np.float64) - 128 * count
    mean, vectors = _mean(total, count), np.empty((size, len(values)))
    for panel in _panels(size):
        vectors[panel] = ((rows[:, panel] - CENTRE) * STEP - mean[panel]).T @ right
    return Spectrum(mean, values, vectors, count)


def _panels(size: int) -> list[slice]:
    """Return ranges of at most BLOCK pixels: an exact sum, and memory that does not grow with the image."""
    return [slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK)]


def _whole(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return v - 128: whole numbers of at most 128."""
    return rows.astype(np.float32) - np.float32(128)


def _mean(total: Array, count: int) -> Array:
    return ((total + 128 * count) / count - CENTRE) * STEP


def _eigh(matrix: Array) -> tuple[Array, Array]:
    """Return eigenvalues, ascending, and eigenvectors of a symmetric matrix, in its own memory."""
    values, vectors = linalg.eigh(matrix.T, overwrite_a=True, check_finite=False, driver="evd")
    return values, vectors


def _kept(values: Array, most: int) -> NDArray[np.int64]:
    """Return the indices of at most `most` eigenvalues that are no rounding error, descending."""
    order = np.argsort(values)[::-1][:most]
    found: NDArray[np.int64] = order[values[order] > len(values) * np.finfo(float).eps * max(values.max(), 0)]
    return found
