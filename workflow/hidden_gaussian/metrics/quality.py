"""How far the law of samples is from that of held-out photographs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.statistics import bootstrap

Array = NDArray[np.float64]
COMPONENTS = 32


class FrechetDistance:
    """The Frechet distance to held-out images between Gaussians fitted in the space of principal components.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2), as the FID, with principal components in the place of a
    network's features (Dowson and Landau 1982).

    Parameters
    ----------
    heldout : ndarray of shape (m, d)
        Photographs that nothing was trained on.
    spectrum : Spectrum
        Of the largest subset: its leading 32 components are the space, the same for every sample set.
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
        """Return the squared distance of samples, of shape (n, d), and its resamples: (POOLED,).

        Both are corrected for the bias of a finite number of samples, as the resamples show it: they are reflected at
        the plain estimate, and the estimate is their mean.
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
