"""The Gaussian (Wiener) denoiser: optimal where the images are normal with a given mean and covariance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import column
from hidden_gaussian.spectrum import Spectrum


class GaussianDenoiser:
    """The posterior mean under N(mu, Sigma), Li et al. eq. (6), as a shrinkage in the eigenbasis.

    D(x; s) = mu + U diag(lambda / (lambda + s^2)) U^T (x - mu), which costs two thin products and no d x d matrix.

    Parameters
    ----------
    spectrum : Spectrum
        Of the subset; directions outside it have its variance `rest`, 0 unless it was regularised, and without variance
        are shrunk to the mean.
    device : device or str
    dtype : dtype
        Precision of the products.
    rank : int, optional
        Use only so many leading components; default: all.
    """

    def __init__(
        self,
        spectrum: Spectrum,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        *,
        rank: int | None = None,
    ) -> None:
        spectrum = spectrum if rank is None else spectrum.leading(rank)
        self.mean = torch.as_tensor(spectrum.mean).to(device, dtype)
        self.values = torch.as_tensor(spectrum.eigenvalues).to(device, dtype)
        self.vectors = torch.as_tensor(spectrum.eigenvectors).to(device, dtype)
        self.rest = spectrum.rest

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image."""
        centred = noisy.flatten(1).to(self.mean) - self.mean
        variance = column(sigma, centred) ** 2
        outside = self.rest / (self.rest + variance) if self.rest else torch.zeros_like(variance)
        gain = self.values / (self.values + variance) - outside
        denoised = self.mean + outside * centred + (centred @ self.vectors * gain) @ self.vectors.T
        return denoised.to(noisy).reshape(noisy.shape)

    def flow(self, state: Tensor, sigma_from: float, sigma_to: float) -> Tensor:
        """Return the exact solution of the probability-flow ODE, Li et al. eq. (7).

        Parameters
        ----------
        state : Tensor of shape (batch, channels, height, width)
            At noise level `sigma_from` > 0.
        sigma_from : float
            Noise level that the states are at.
        sigma_to : float
            0 gives samples of N(mu, Sigma), up to the tail that `sigma_from` leaves out.
        """
        flat = state.flatten(1).to(self.mean)
        centred = flat - self.mean
        inside = centred @ self.vectors
        gain = torch.sqrt((self.values + sigma_to**2) / (self.values + sigma_from**2))
        ratio = math.sqrt((self.rest + sigma_to**2) / (self.rest + sigma_from**2))  # of the other directions
        moved = self.mean + ratio * centred + (inside * (gain - ratio)) @ self.vectors.T
        return moved.to(state).reshape(state.shape)

    def weight(self, sigma: float) -> Tensor:
        """Return the d x d matrix W_G(sigma) = U diag(lambda / (lambda + sigma^2)) U^T."""
        outside = self.rest / (self.rest + sigma**2)
        weight = (self.vectors * (self.values / (self.values + sigma**2) - outside)) @ self.vectors.T
        weight.diagonal().add_(outside)
        return weight
