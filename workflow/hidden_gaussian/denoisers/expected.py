"""What random-matrix theory expects of the Gaussian denoiser of a few images, from the law that they come from."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian.denoisers.gaussian import GaussianDenoiser
from hidden_gaussian.spectrum import Spectrum, effective_sigma


class ExpectedDenoiser:
    """The mean over subsets of N images of their Gaussian denoisers, by its deterministic equivalent.

    It acts as the Gaussian denoiser of the whole law at a higher noise level, see
    :func:`~hidden_gaussian.spectrum.effective_sigma`. The spread of the subsets' own means is left out, which costs of
    the order of 1/N; a law that is known from few images more than N is not the whole law.

    Parameters
    ----------
    law : Spectrum
        In practice of the largest subset.
    count : int
        Images N of the small subset.
    device : device or str
    dtype : dtype
        Precision of the products.
    """

    def __init__(
        self,
        law: Spectrum,
        count: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.law, self.count = law, count
        self.gaussian = GaussianDenoiser(law, device, dtype)

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the expected posterior mean of each noisy image."""
        given = torch.as_tensor(sigma, dtype=torch.float64)
        levels, places = torch.unique(given, return_inverse=True)
        higher = [effective_sigma(self.law, self.count, level) for level in levels.tolist()]
        return self.gaussian(noisy, torch.tensor(higher, dtype=self.gaussian.mean.dtype).to(noisy.device)[places])
