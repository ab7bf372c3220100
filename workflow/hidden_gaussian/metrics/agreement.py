"""How similar two sample sets from shared latents are, and how similar the samples of two Gaussians must be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.noise_schedule import SIGMA_MAX
from hidden_gaussian.spectrum import Spectrum

Array = NDArray[np.float64]
PANEL = 1024  # eigenvectors at a time


def agreement_quantities(first: Array, second: Array, mean: Array) -> dict[str, Array]:
    """Return the sums that correlations and distances between two sample sets are made of.

    Parameters
    ----------
    first, second : ndarray of shape (n, d)
        Sample i of both started from the same latent.
    mean : ndarray of shape (d,)
        Mean image of the dataset. It is subtracted, because what all samples share is not agreement.

    Returns
    -------
    dict of ndarray of shape (n,)
        ``inner``, ``norm_a``, ``norm_b`` after subtracting the mean image (for r_c); ``gap`` |a - b|^2;
        ``pearson_inner``, ``pearson_norm_a``, ``pearson_norm_b`` after subtracting each image's own mean pixel;
        ``cosine_inner``, ``cosine_norm_a``, ``cosine_norm_b`` of the images as they are.

    Examples
    --------
    >>> samples = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> found = agreement_quantities(samples, -samples, np.zeros(2))
    >>> float(found["inner"].sum() / found["norm_a"].sum())
    -1.0
    """
    a, b = first - mean, second - mean
    p, q = first - first.mean(1, keepdims=True), second - second.mean(1, keepdims=True)
    return {
        "inner": (a * b).sum(1),
        "norm_a": np.square(a).sum(1),
        "norm_b": np.square(b).sum(1),
        "gap": np.square(a - b).sum(1),
        "pearson_inner": (p * q).sum(1),
        "pearson_norm_a": np.square(p).sum(1),
        "pearson_norm_b": np.square(q).sum(1),
        "cosine_inner": (first * second).sum(1),
        "cosine_norm_a": np.square(first).sum(1),
        "cosine_norm_b": np.square(second).sum(1),
    }


def expected_agreement(
    first: Spectrum, second: Spectrum, mean: Array, sigma_max: float = SIGMA_MAX
) -> dict[str, float]:
    """Return the expectations of :func:`agreement_quantities` for the exact samples of two Gaussians.

    A sample is mu - M mu + M x_T with M = Sigma^(1/2) (Sigma + sigma_max^2 I)^(-1/2) and x_T of variance sigma_max^2
    (Li et al. eq. 7). It is affine in the shared latent, so second moments are traces of products of the two M. The
    traces need only the inner products of the two sets of eigenvectors, and no d x d matrix.

    Parameters
    ----------
    first, second : Spectrum
        With k and m components.
    mean : ndarray of shape (d,)
        Mean image of the dataset.
    sigma_max : float
        Noise level of the latents.

    Returns
    -------
    dict of float
        The same names with ``expected_`` before them.

    Examples
    --------
    >>> gaussian = Spectrum(np.zeros(2), np.array([4.0]), np.array([[1.0], [0.0]]), count=8)
    >>> found = expected_agreement(gaussian, gaussian, np.zeros(2))
    >>> found["expected_gap"], round(found["expected_norm_a"], 2)
    (0.0, 4.0)
    """
    one, two = _GaussianSamples(first, sigma_max), _GaussianSamples(second, sigma_max)
    pairs = {"inner": (one, two), "norm_a": (one, one), "norm_b": (two, two)}
    traces = {name: a.trace(b) for name, (a, b) in pairs.items()}
    expected = {name: traces[name] + float((a.centre - mean) @ (b.centre - mean)) for name, (a, b) in pairs.items()}
    expected["gap"] = expected["norm_a"] + expected["norm_b"] - 2 * expected["inner"]
    for name, (a, b) in pairs.items():
        cosine = traces[name] + float(a.centre @ b.centre)
        expected |= {f"cosine_{name}": cosine, f"pearson_{name}": cosine - len(mean) * a.product_of_means(b)}
    return {f"expected_{name}": value for name, value in expected.items()}


class _GaussianSamples:
    """The exact samples of a Gaussian as an affine function of the latent, ``centre`` + M x_T."""

    def __init__(self, spectrum: Spectrum, sigma_max: float) -> None:
        self.vectors = spectrum.eigenvectors
        self.amplitudes = sigma_max * np.sqrt(spectrum.eigenvalues / (spectrum.eigenvalues + sigma_max**2))
        self.centre = spectrum.mean - self._scaled(spectrum.mean) / sigma_max
        self.mean_pixel = self._scaled(np.full(len(self.centre), 1 / len(self.centre)))  # M applied to 1 / d

    def _scaled(self, image: Array) -> Array:
        """Return sigma_max M times an image."""
        scaled: Array = self.vectors @ (self.amplitudes * (image @ self.vectors))
        return scaled

    def trace(self, other: _GaussianSamples) -> float:
        """Return the trace of the product of the two M, a panel of eigenvectors at a time."""
        if other is self:
            return float(self.amplitudes @ self.amplitudes)
        total = 0.0
        for start in range(0, len(self.amplitudes), PANEL):
            panel = slice(start, start + PANEL)
            overlap = self.vectors[:, panel].T @ other.vectors
            total += float(self.amplitudes[panel] @ np.square(overlap, out=overlap) @ other.amplitudes)
        return total

    def product_of_means(self, other: _GaussianSamples) -> float:
        """Return the expected product of the mean pixels of a and b."""
        return float(self.centre.mean() * other.centre.mean() + self.mean_pixel @ other.mean_pixel)
