"""The Gaussian (Wiener) denoiser: optimal where the images are normal with a given mean and covariance."""

from __future__ import annotations

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
        Of the subset; directions outside it have no variance and are shrunk to the mean.
    device : device or str
    dtype : dtype
        Precision of the products.
    """

    def __init__(
        self, spectrum: Spectrum, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        self.mean = torch.as_tensor(spectrum.mean).to(device, dtype)
        self.values = torch.as_tensor(spectrum.eigenvalues).to(device, dtype)
        self.vectors = torch.as_tensor(spectrum.eigenvectors).to(device, dtype)

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image."""
        flat = noisy.flatten(1).to(self.mean)
        gain = self.values / (self.values + column(sigma, flat) ** 2)
        denoised = self.mean + ((flat - self.mean) @ self.vectors * gain) @ self.vectors.T
        return denoised.to(noisy).reshape(noisy.shape)

    def flow(self, state: Tensor, sigma_from: float, sigma_to: float) -> Tensor:
        """Return the exact solution of the probability-flow ODE, Li et al. eq. (7).

        Parameters
        ----------
        state : Tensor of shape (batch, channels, height, width)
            At noise level `sigma_from` > 0.
        sigma_to : float
            0 gives samples of N(mu, Sigma), up to the tail that `sigma_from` leaves out.
        """
        flat = state.flatten(1).to(self.mean)
        centred = flat - self.mean
        inside = centred @ self.vectors
        gain = torch.sqrt((self.values + sigma_to**2) / (self.values + sigma_from**2))
        ratio = sigma_to / sigma_from  # of the directions without variance
        moved = self.mean + ratio * centred + (inside * (gain - ratio)) @ self.vectors.T
        return moved.to(state).reshape(state.shape)

    def weight(self, sigma: float) -> Tensor:
        """Return the d x d matrix W_G(sigma) = U diag(lambda / (lambda + sigma^2)) U^T."""
        return (self.vectors * (self.values / (self.values + sigma**2))) @ self.vectors.T
