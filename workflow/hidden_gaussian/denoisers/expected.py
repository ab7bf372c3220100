"""The Gaussian denoiser of a few images, as random-matrix theory predicts it from the full distribution."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian.denoisers.gaussian import GaussianDenoiser
from hidden_gaussian.spectrum import Spectrum, effective_sigma


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
