"""The stationary Wiener denoiser: a Gaussian denoiser whose covariance is the same everywhere in the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hidden_gaussian.denoisers.protocol import column
from hidden_gaussian.pixels import HALF_RANGE, to_unit
from hidden_gaussian.storage import holding, load_tensors, save_tensors

BATCH = 512


class StationaryDenoiser:
    """The posterior mean under N(mu, C), where C is the covariance averaged over all cyclic shifts of the image.

    A Wiener filter at each spatial frequency f: D^(f) = mu^(f) + S(f) (S(f) + s^2 I)^-1 (x^(f) - mu^(f)) with the
    cross-channel spectra S(f). It knows the mean image, but no other difference between positions.

    Parameters
    ----------
    mean : Tensor of shape (channels, height, width)
    values : Tensor of shape (height, width // 2 + 1, channels)
        Eigenvalues of S(f), variances of pixels in [-1, 1].
    vectors : complex Tensor of shape (height, width // 2 + 1, channels, channels)
        Eigenvectors of S(f) in columns.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 1, 4, 4), dtype=np.uint8)
    >>> StationaryDenoiser.fit(images)(torch.zeros(2, 1, 4, 4), 0.5).shape
    torch.Size([2, 1, 4, 4])
    """

    def __init__(self, mean: Tensor, values: Tensor, vectors: Tensor) -> None:
        self.mean, self.values, self.vectors = mean, values, vectors

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image."""
        centred = noisy.to(self.mean) - self.mean
        spectra = torch.fft.rfft2(centred, norm="ortho")
        inside = torch.einsum("hwce,bchw->bhwe", self.vectors.conj(), spectra)
        inside = inside * (self.values / (self.values + column(sigma, self.values)[:, :, None, None] ** 2))
        filtered = torch.einsum("hwce,bhwe->bchw", self.vectors, inside)
        denoised: Tensor = self.mean + torch.fft.irfft2(filtered, s=self.mean.shape[-2:], norm="ortho")
        return denoised.to(noisy)

    def to(self, device: torch.device | str, dtype: torch.dtype = torch.float32) -> StationaryDenoiser:
        """Return the same denoiser on a device, in a precision."""
        complex_dtype = torch.complex64 if dtype == torch.float32 else torch.complex128
        return StationaryDenoiser(
            self.mean.to(device, dtype), self.values.to(device, dtype), self.vectors.to(device, complex_dtype)
        )

    @classmethod
    def fit(cls, images: NDArray[np.uint8]) -> StationaryDenoiser:
        """Return the denoiser of training images of shape (N, channels, height, width), in float64."""
        mean = torch.from_numpy(images.sum(0, dtype=np.int64) / (HALF_RANGE * len(images)) - 1)
        total = torch.zeros(())
        for start in range(0, len(images), BATCH):
            centred = torch.from_numpy(to_unit(images[start : start + BATCH].astype(np.float32))).double() - mean
            spectra = torch.fft.rfft2(centred, norm="ortho")
            total = total + torch.einsum("bchw,bdhw->hwcd", spectra, spectra.conj())
        values, vectors = torch.linalg.eigh(total / len(images))
        return cls(mean, values.clamp(min=0), vectors)

    def save(self, path: str | Path) -> None:
        """Write to a ``.safetensors`` file; complex numbers become pairs."""
        save_tensors(
            path, {"mean": self.mean, "values": self.values, "vectors": torch.view_as_real(self.vectors.resolve_conj())}
        )

    @classmethod
    def load(cls, path: str | Path) -> StationaryDenoiser:
        """Read a denoiser written by :meth:`save`; InputError if it is something else."""
        tensors = load_tensors(path)
        with holding(path, "a stationary denoiser"):
            return cls(tensors["mean"], tensors["values"], torch.view_as_complex(tensors["vectors"].contiguous()))
