"""The Frechet distance between the distributions of samples and of held-out photographs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.statistics import bootstrap

Array = NDArray[np.float64]
COMPONENTS = 32


class FrechetDistance:
    """The squared Frechet distance of samples to held-out images, in the space of the leading principal components.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2): the FID, with principal components instead of a network's
    features (Dowson and Landau 1982).

    Parameters
    ----------
    heldout : ndarray of shape (m, d)
        Photographs that nothing was trained on.
    spectrum : Spectrum
        Of the largest subset. Its leading 32 components span the space, which is the same for every sample set.

    Examples
    --------
    >>> spectrum = Spectrum(np.zeros(2), np.array([1.0, 1.0]), np.eye(2), count=64)
    >>> images = np.random.default_rng(0).standard_normal((64, 2))
    >>> distance = FrechetDistance(images, spectrum)
    >>> round(float(distance(images + 3, "latents")[0]))
    18
    """

    def __init__(self, heldout: Array, spectrum: Spectrum) -> None:
        self.basis = spectrum.eigenvectors[:, :COMPONENTS]
        coordinates = heldout @ self.basis
        size = self.basis.shape[1]
        self.mean, covariance = coordinates.mean(0), np.cov(coordinates.T, bias=True).reshape(size, size)
        values, vectors = np.linalg.eigh(covariance)
        self.root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
        self.scale = float(np.trace(covariance))

    def __call__(self, samples: Array, stream: str) -> Array:
        """Return the squared distance of samples of shape (n, d), followed by its resamples: shape (POOLED,).

        Both are corrected for the bias of a finite number of samples: the resamples are reflected at the plain
        estimate, and the estimate is the mean of the reflected ones.
        """
        plain = self._plain(samples @ self.basis, bootstrap.weights(len(samples), stream))
        resamples, without = np.split(plain[1:], [bootstrap.RESAMPLES])
        reflected = 2 * plain[0] - resamples
        return np.concatenate([[reflected.mean()], reflected, without + reflected.mean() - plain[0]])

    def _plain(self, coordinates: Array, weights: Array) -> Array:
        count, size = coordinates.shape
        means = weights @ coordinates
        squares = (coordinates[:, :, None] * coordinates[:, None, :]).reshape(count, size**2)
        covariances = (weights @ squares).reshape(len(weights), size, size) - means[:, :, None] * means[:, None, :]
        inner = np.linalg.eigvalsh(self.root @ covariances @ self.root)
        traces = np.trace(covariances, axis1=1, axis2=2) + self.scale - 2 * np.sqrt(np.clip(inner, 0, None)).sum(1)
        distances: Array = np.square(means - self.mean).sum(1) + traces
        return distances
