"""The Gaussian (Wiener) denoiser of a subset, and its expectation over subsets by random-matrix theory."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import column
from hidden_gaussian.spectrum import Spectrum, effective_sigma


class GaussianDenoiser:
    """The posterior mean if clean images are N(mu, Sigma) (Li et al. eq. 6), a shrinkage in the eigenbasis.

    D(x; s) = mu + U diag(lambda / (lambda + s^2)) U^T (x - mu): two thin products and no d x d matrix.

    Parameters
    ----------
    spectrum : Spectrum
        Mean, eigenvalues and eigenvectors of the subset. All other directions have the variance `rest`, which is 0
        unless the spectrum was regularised.
    device : device or str
    dtype : dtype
        Precision of the products.
    rank : int, optional
        Number of leading components to use; default: all.

    Examples
    --------
    >>> import numpy as np
    >>> gaussian = GaussianDenoiser(Spectrum(np.zeros(2), np.array([1.0]), np.eye(2)[:, :1], count=9))
    >>> gaussian(torch.ones(1, 1, 1, 2), 1.0)  # halved along the component, 0 elsewhere
    tensor([[[[0.5000, 0.0000]]]])
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
        """Return the exact solution of the probability-flow ODE (Li et al. eq. 7).

        Parameters
        ----------
        state : Tensor of shape (batch, channels, height, width)
        sigma_from : float
            Noise level of `state`, above 0.
        sigma_to : float
            Noise level of the result; 0 gives samples of N(mu, Sigma) if `sigma_from` is large.
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


class ExpectedDenoiser:
    """The mean of the Gaussian denoisers of all subsets of N images, by its deterministic equivalent.

    It is the Gaussian denoiser of the full distribution at a higher noise level, see
    :func:`~hidden_gaussian.spectrum.effective_sigma`. The spread of the subsets' mean images is left out, an error of
    the order of 1/N.

    Parameters
    ----------
    spectrum : Spectrum
        Of the full distribution. In practice of the largest subset, which must be much larger than N.
    count : int
        Images N of the small subset.
    device : device or str
    dtype : dtype
        Precision of the products.

    Examples
    --------
    >>> import numpy as np
    >>> full = Spectrum(np.zeros(4), np.ones(4), np.eye(4), count=1000)
    >>> [round(ExpectedDenoiser(full, n)(torch.ones(1, 1, 2, 2), 1.0)[0, 0, 0, 0].item(), 3) for n in (4, 400)]
    [0.382, 0.499]
    """

    def __init__(
        self,
        spectrum: Spectrum,
        count: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.spectrum, self.count = spectrum, count
        self.gaussian = GaussianDenoiser(spectrum, device, dtype)

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the expected posterior mean of each noisy image."""
        levels, indices = torch.unique(torch.as_tensor(sigma, dtype=torch.float64), return_inverse=True)
        higher = [effective_sigma(self.spectrum, self.count, level) for level in levels.tolist()]
        return self.gaussian(noisy, torch.tensor(higher, dtype=self.gaussian.mean.dtype).to(noisy.device)[indices])
