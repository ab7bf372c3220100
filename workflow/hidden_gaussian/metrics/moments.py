"""Mean, covariance and non-Gaussian statistics of samples, compared with those of their training images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.statistics import bootstrap

Array = NDArray[np.float64]
NULL_QUANTILE = 0.95


def component_quantities(centred: Array, spectrum: Spectrum) -> Iterator[tuple[int, dict[str, Array]]]:
    """Yield powers of the coordinates along principal components 1, 2, 4, 8 ..., in units of their variance.

    Parameters
    ----------
    centred : ndarray of shape (n, d)
        Images less the mean of the training images.
    spectrum : Spectrum
        Of the training images.

    Yields
    ------
    int, dict of ndarray of shape (n,)
        Component, from 1; ``component_square`` c^2 / l and ``component_fourth`` c^4 / l^2.

    Examples
    --------
    >>> spectrum = Spectrum(np.zeros(2), np.array([4.0]), np.array([[1.0], [0.0]]), count=8)
    >>> [(number, found["component_square"].tolist()) for number, found in component_quantities(np.eye(2), spectrum)]
    [(1, [0.25, 0.0])]
    """
    for index in range(len(spectrum.eigenvalues).bit_length()):
        component = 2**index
        square = np.square(centred @ spectrum.eigenvectors[:, component - 1]) / spectrum.eigenvalues[component - 1]
        yield component, {"component_square": square, "component_fourth": np.square(square)}


def difference_quantities(images: Array) -> dict[str, Array]:
    """Return the mean second and fourth powers of differences between adjacent pixels.

    Their kurtosis tells photographs, whose differences have heavy tails, from Gaussian images.

    Parameters
    ----------
    images : ndarray of shape (n, channels, height, width)

    Returns
    -------
    dict of ndarray of shape (n,)
        ``difference_square`` and ``difference_fourth``.

    Examples
    --------
    >>> difference_quantities(np.array([[[[0.0, 2.0], [0.0, 2.0]]]]))["difference_square"].tolist()
    [2.0]
    """
    pairs = [np.diff(images, axis=axis).reshape(len(images), -1) for axis in (2, 3)]
    square = np.square(np.concatenate(pairs, axis=1))
    return {"difference_square": square.mean(1), "difference_fourth": np.square(square).mean(1)}


def radial_power(centred: Array) -> Array:
    """Return the power of images by spatial frequency, in whole cycles per image.

    Parameters
    ----------
    centred : ndarray of shape (n, channels, height, width)
        Images less the mean of the training images.

    Returns
    -------
    ndarray of shape (n, 1 + height // 2)
        Sum of |F|^2 over channels and the frequencies whose length rounds to 0, 1, 2 ...; corners are left out.

    Examples
    --------
    >>> radial_power(np.ones((1, 1, 4, 4))).tolist()
    [[256.0, 0.0, 0.0]]
    """
    power = np.square(np.abs(np.fft.fft2(centred))).sum(1)
    lengths = [np.fft.fftfreq(size) * size for size in centred.shape[2:]]
    ring = np.hypot(*np.meshgrid(*lengths, indexing="ij")).round().astype(int)
    return np.stack([power[:, ring == radius].sum(1) for radius in range(1 + centred.shape[2] // 2)], axis=1)


@dataclass(frozen=True)
class MomentGaps:
    """Squared distances of the mean and covariance of images to the moments of the training images.

    Attributes
    ----------
    mean, covariance : ndarray of shape (POOLED,)
        |m - mu|^2 and |C - Sigma|_F^2, with C taken about mu. They are unbiased and may be negative.

    Examples
    --------
    >>> spectrum = Spectrum(np.zeros(2), np.array([1.0, 1.0]), np.eye(2), count=64)
    >>> images = np.random.default_rng(0).standard_normal((64, 2))
    >>> gaps = MomentGaps.of(images + 1, spectrum, "latents")
    >>> round(float(gaps.mean[0]))
    2
    """

    mean: Array
    covariance: Array

    @classmethod
    def of(cls, centred: Array, spectrum: Spectrum, stream: str) -> MomentGaps | None:
        """Return the gaps of images and of their resamples, with the weights that all statistics of `stream` share.

        Products of an image with itself are left out: they are the bias of a squared error from finite samples, and
        every resample would add it again.

        Parameters
        ----------
        centred : ndarray of shape (n, d)
            Images less the mean of the training images.
        spectrum : Spectrum
            Of the training images.
        stream : str
            Name of the resamples, see :func:`hidden_gaussian.statistics.bootstrap.weights`.

        Returns
        -------
        MomentGaps or None
            None if there are so few images that a resample can be a single image, without pairs of different images.
        """
        weights = bootstrap.weights(len(centred), stream)
        if weights.max() == 1:
            return None
        products = centred @ centred.T
        expected = np.square(centred @ spectrum.eigenvectors) @ spectrum.eigenvalues  # z^T Sigma z
        norm = np.square(spectrum.eigenvalues).sum()
        covariance = _distinct(np.square(products), weights) - 2 * weights @ expected + norm
        return cls(_distinct(products, weights), covariance)


def _distinct(products: Array, weights: Array) -> Array:
    """Return the weighted mean of products over pairs of different images."""
    together = ((weights @ products) * weights).sum(1) - np.square(weights) @ np.diag(products)
    mean: Array = together / (1 - np.square(weights).sum(1))
    return mean


@dataclass(frozen=True)
class ResamplingNull:
    """Squared distances of the moments of n images, drawn with replacement, to the moments of the whole set.

    Attributes
    ----------
    mean_noise, covariance_noise : float
        Expected squared distances.
    mean_null, covariance_null : float
        Their 95 % quantiles.

    Examples
    --------
    >>> null = ResamplingNull.of(np.array([[1.0], [-1.0]]), 4, np.random.default_rng(0))
    >>> null.mean_noise, null.covariance_noise
    (0.25, 0.0)
    """

    mean_noise: float
    covariance_noise: float
    mean_null: float
    covariance_null: float

    @classmethod
    def of(cls, images: Array, count: int, generator: np.random.Generator) -> ResamplingNull:
        """Return the null of `count` draws from images of shape (N, d)."""
        centred = images - images.mean(0)
        products = centred @ centred.T
        draws = generator.multinomial(count, np.full(len(images), 1 / len(images)), size=bootstrap.RESAMPLES) / count
        squares = np.square(products)
        mean = ((draws @ products) * draws).sum(1)
        covariance = ((draws @ squares) * draws).sum(1) - 2 * draws @ squares.mean(1) + squares.mean()
        return cls(
            float(np.diag(products).mean() / count),
            float((np.diag(squares).mean() - squares.mean()) / count),
            float(np.quantile(mean, NULL_QUANTILE)),
            float(np.quantile(covariance, NULL_QUANTILE)),
        )
