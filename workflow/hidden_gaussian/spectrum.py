"""Mean, covariance and eigenvectors of images: all that a Gaussian denoiser needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from hidden_gaussian.errors import InputError
from hidden_gaussian.pixels import HALF_RANGE
from hidden_gaussian.storage import holding, load_arrays, load_metadata, save_tensors

__all__ = ["Moments", "Spectrum", "effective_sigma", "fit", "from_moments", "ledoit_wolf"]

EXACT = 1024  # products of two pixels that float32 sums exactly: 1024 * 128 * 128 = 2**24
BLOCK = EXACT
CENTRE, STEP = HALF_RANGE, 1 / HALF_RANGE  # the uint8 pixel v is (v - CENTRE) * STEP in [-1, 1]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """A Gaussian distribution: its mean, and the eigendecomposition of its covariance.

    Attributes
    ----------
    mean : ndarray of shape (d,)
        Flattened as (channel, row, column), pixels in [-1, 1].
    eigenvalues : ndarray of shape (k,)
        Variances along the principal components, descending, all positive; k <= min(N - 1, d).
    eigenvectors : ndarray of shape (d, k)
        Principal components in columns.
    count : int
        Number of images N.
    rest : float
        Variance along every direction orthogonal to the components; 0 unless the distribution was regularised.

    Examples
    --------
    >>> spectrum = Spectrum(np.zeros(3), np.array([4.0, 2.0]), np.eye(3)[:, :2], count=9)
    >>> spectrum.leading(1, spread=True).rest  # the variance 2 over two directions
    1.0
    >>> spectrum.shrunk(0.5).eigenvalues
    array([3., 2.])
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
        """Return the distribution with the first `rank` components only.

        `spread` gives the variance of the other components evenly to all other directions (probabilistic principal
        components, Tipping and Bishop 1999) instead of dropping it.
        """
        outside = len(self.mean) - rank
        dropped = self.eigenvalues[rank:].sum() + self.rest * (len(self.mean) - len(self.eigenvalues))
        rest = float(dropped / outside) if spread and outside > 0 else 0.0
        return replace(self, eigenvalues=self.eigenvalues[:rank], eigenvectors=self.eigenvectors[:, :rank], rest=rest)

    def shrunk(self, shrinkage: float) -> Spectrum:
        """Return the distribution with the covariance (1 - shrinkage) Sigma + shrinkage tr(Sigma)/d I."""
        level = shrinkage * float(self.eigenvalues.sum()) / len(self.mean)
        return replace(self, eigenvalues=(1 - shrinkage) * self.eigenvalues + level, rest=level)


@dataclass(frozen=True)
class Moments:
    """Sums over images that give mean and covariance. They are whole numbers, so every sum is exact.

    ``+`` merges the moments of two disjoint sets of images. The result equals that of all images bit by bit, whatever
    their order and blocks.

    Attributes
    ----------
    count : int
        Number of images N.
    total : ndarray of shape (d,), float64
        Sum of v - 128 over the images, for each uint8 pixel v.
    products : ndarray of shape (d, d), float64
        Sum of (v - 128)(w - 128) for each pair of pixels.

    Examples
    --------
    >>> rows = np.array([[0, 255], [255, 255]], dtype=np.uint8)
    >>> both = Moments.of(rows[:1]) + Moments.of(rows[1:])
    >>> both.mean, both.covariance()
    (array([0., 1.]), array([[1., 0.],
           [0., 0.]]))
    """

    count: int
    total: Array
    products: Array

    @classmethod
    def of(cls, rows: NDArray[np.uint8], block: int = BLOCK) -> Moments:
        """Return the moments of N images, the rows of a matrix of shape (N, d), with little memory beside the result.

        Raises
        ------
        ValueError
            If a block has more than 1,024 images: its sums would be rounded.
        """
        if not 0 < block <= EXACT:
            raise ValueError(f"block: {block} images are not summed exactly; give 1 to {EXACT}")
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
        """Return the covariance (with 1/N) of pixels in [-1, 1], of shape (d, d), exact up to three roundings."""
        covariance = np.empty_like(self.products)
        for panel in _panels(len(self.total)):
            np.multiply.outer(self.total[panel] / self.count, self.total, out=covariance[panel])
        np.subtract(self.products, covariance, out=covariance)
        covariance *= STEP**2 / self.count
        return covariance


def fit(images: NDArray[np.uint8]) -> Spectrum:
    """Return the mean and the principal components of images (covariance with 1/N).

    The N x N Gram matrix is diagonalised if N <= d, else the d x d covariance. LAPACK's divide and conquer needs three
    such matrices in float64 (d = 12,288: 3.6 GB), and the components a fourth.

    Raises
    ------
    InputError
        If images are not a uint8 ndarray of shape (N, channels, height, width), or there are none.

    Examples
    --------
    >>> fit(np.array([0, 255], dtype=np.uint8).reshape(2, 1, 1, 1)).eigenvalues  # of the pixels -1 and 1
    array([1.])
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = f"{type(images).__name__} of {getattr(images, 'dtype', 'no type')}"
        raise InputError(f"images are a {kind}; expected a numpy array of uint8 with pixels from 0 to 255")
    count = len(images)
    if count == 0:
        raise InputError("a spectrum needs at least one image, but the subset is empty; choose a larger subset_size")
    rows = images.reshape(count, -1)
    return _by_gram(rows) if count <= rows.shape[1] else from_moments(Moments.of(rows))


def from_moments(moments: Moments) -> Spectrum:
    """Return mean and principal components from moments.

    Examples
    --------
    >>> from_moments(Moments.of(np.array([[0, 255], [255, 255]], dtype=np.uint8))).eigenvalues
    array([1.])
    """
    values, vectors = _eigh(moments.covariance())
    order = _significant(values, min(moments.count - 1, len(values)))
    return Spectrum(moments.mean, values[order], np.ascontiguousarray(vectors[:, order]), moments.count)


def ledoit_wolf(images: NDArray[np.uint8], spectrum: Spectrum) -> float:
    """Return the best shrinkage of the covariance of images towards tr(Sigma)/d I, for :meth:`Spectrum.shrunk`.

    The estimate of Ledoit and Wolf (2004) has the least expected squared error: b / (|Sigma|^2 - tr(Sigma)^2/d), at
    most 1, with b = (mean of |x - mu|^4 - |Sigma|^2) / N. No covariance is formed.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (9, 1, 4, 4), dtype=np.uint8)
    >>> 0 < ledoit_wolf(images, fit(images)) < 1
    True
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
    """Return the noise level at which the full Gaussian denoiser acts like that of `count` images at `sigma`.

    The deterministic equivalent of random-matrix theory: the mean of Sigma_N (Sigma_N + s^2 I)^-1 over subsets tends to
    Sigma (Sigma + kappa I)^-1, where kappa solves s^2 = kappa (1 - tr(Sigma (Sigma + kappa I)^-1) / N).

    Parameters
    ----------
    spectrum : Spectrum
        Of the full distribution; in practice of the largest subset.
    count : int
        Images N of the small subset.
    sigma : float
        Above 0. The result sqrt(kappa) is not smaller.

    Examples
    --------
    >>> full = Spectrum(np.zeros(4), np.ones(4), np.eye(4), count=1000)
    >>> [round(effective_sigma(full, count, 1.0), 3) for count in (4, 400)]
    [1.272, 1.003]
    """
    from scipy import optimize  # imported here: it takes a tenth of the start of every job that opens a denoiser

    values = spectrum.eigenvalues

    def excess(kappa: float) -> float:
        shares = (values / (values + kappa)).sum() + spectrum.rest / (spectrum.rest + kappa) * outside
        return float(kappa * (1 - shares / count) - sigma**2)

    outside = len(spectrum.mean) - len(values)
    variance = values.sum() + spectrum.rest * outside
    upper = sigma**2 + variance / count  # since kappa tr(Sigma (Sigma + kappa I)^-1) < tr Sigma
    if excess(upper) <= 0:  # the root up to rounding
        return float(np.sqrt(upper))
    return float(np.sqrt(optimize.brentq(excess, sigma**2, upper, xtol=1e-14 * sigma**2, rtol=1e-14)))


def _by_gram(rows: NDArray[np.uint8]) -> Spectrum:
    """Return the spectrum from the N x N inner products of N <= d images, which are exact before centring."""
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
    order = _significant(values, count - 1)
    values, right = values[order], right[:, order] / np.sqrt(count * values[order])
    total = rows.sum(axis=0, dtype=np.int64).astype(np.float64) - 128 * count
    mean, vectors = _mean(total, count), np.empty((size, len(values)))
    for panel in _panels(size):
        vectors[panel] = ((rows[:, panel] - CENTRE) * STEP - mean[panel]).T @ right
    return Spectrum(mean, values, vectors, count)


def _panels(size: int) -> list[slice]:
    """Return ranges of at most BLOCK pixels, so that sums are exact and memory does not grow with the image."""
    return [slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK)]


def _whole(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    return rows.astype(np.float32) - np.float32(128)


def _mean(total: Array, count: int) -> Array:
    return ((total + 128 * count) / count - CENTRE) * STEP


def _eigh(matrix: Array) -> tuple[Array, Array]:
    """Return eigenvalues, ascending, and eigenvectors of a symmetric matrix, in its own memory."""
    values, vectors = linalg.eigh(matrix.T, overwrite_a=True, check_finite=False, driver="evd")
    return values, vectors


def _significant(values: Array, most: int) -> NDArray[np.int64]:
    """Return the indices of at most `most` eigenvalues above rounding error, descending."""
    order = np.argsort(values)[::-1][:most]
    found: NDArray[np.int64] = order[values[order] > len(values) * np.finfo(float).eps * max(values.max(), 0)]
    return found
