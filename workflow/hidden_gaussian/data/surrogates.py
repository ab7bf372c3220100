"""Surrogates: random images that share only low moments with the images of a source dataset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.seeding import numpy_stream

Array = NDArray[np.float64]
BLOCK = 256  # surrogates or images processed at a time


class Surrogates:
    """Random images made from the images of a dataset, rounded to integers and clipped to 0 ... 255.

    ``gaussian-surrogate``: mu + sum_i g_i (x_i - mu) / sqrt(N) with standard normal g has exactly the mean and the
    covariance of the images, without a decomposition of the covariance.
    ``phase-surrogate``: subtract the mean from an image, rotate each Fourier coefficient by the phase of white noise,
    add the mean. Images keep their power spectrum, and channels their phase differences; the covariance becomes its
    average over all translations (Theiler et al. 1992).

    Clipping changes the moments if the distribution extends beyond black and white; the share of clipped pixels, known
    after iteration, shows how much. Rounding adds a variance of 1/12 of a squared pixel value.

    Parameters
    ----------
    kind : str
        ``gaussian-surrogate`` or ``phase-surrogate``.
    images : uint8 ndarray of shape (N, channels, height, width)
        Images of the dataset.
    count : int
        Number of surrogates. Surrogate i is a function of the images, the seed and i.
    seed : int
        Root seed.
    """

    def __init__(self, kind: str, images: NDArray[np.uint8], count: int, seed: int) -> None:
        self.kind, self.images, self.count, self.seed = kind, images, count, seed
        self.mean = images.mean(axis=0, dtype=np.float64)
        self.clipped = 0.0

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Yield uint8 arrays of shape (height, width, channels)."""
        outside = 0
        for start in range(0, self.count, BLOCK):
            indices = range(start, min(start + BLOCK, self.count))
            drawn = self.mean + (self._gaussian(indices) if self.kind.startswith("gaussian") else self._phase(indices))
            pixels = np.rint(drawn)
            outside += int(((pixels < 0) | (pixels > 255)).sum())
            self.clipped = outside / (self.mean.size * indices.stop)
            yield from pixels.clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)

    def _noise(self, indices: range, shape: tuple[int, ...]) -> Array:
        draws = [numpy_stream(self.seed, self.kind, index).standard_normal(shape) for index in indices]
        return np.stack(draws)

    def _gaussian(self, indices: range) -> Array:
        weights = self._noise(indices, (len(self.images),)) / np.sqrt(len(self.images))
        total = np.zeros((len(indices), *self.mean.shape))
        for start in range(0, len(self.images), BLOCK):
            centred = self.images[start : start + BLOCK] - self.mean
            total += np.tensordot(weights[:, start : start + BLOCK], centred, axes=1)
        return total

    def _phase(self, indices: range) -> Array:
        centred = self.images[np.array(indices) % len(self.images)] - self.mean
        white = np.fft.fft2(self._noise(indices, self.mean.shape[1:]))[:, None]
        turned: Array = np.fft.ifft2(np.fft.fft2(centred) * (white / np.abs(white))).real
        return turned
