"""The preconditioning of Karras et al. (2022), which makes a denoiser of a raw network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Preconditioned(nn.Module):
    """The denoiser D(x; sigma) = c_skip x + c_out F(c_in x; ln(sigma) / 4) of Karras et al. (2022), eq. 7.

    With s the standard deviation of pixels, c_skip = s^2 / (sigma^2 + s^2), c_in = 1 / sqrt(sigma^2 + s^2)
    and c_out = sigma s / sqrt(sigma^2 + s^2) (their Table 1): F has input and output of unit variance.

    Parameters
    ----------
    model : Module
        The network F, called as model(image, label, augment_labels).
    sigma_data : float
        Standard deviation s of the pixels, which lie in [-1, 1].
    options : dict
        The arguments, fit for JSON, from which :func:`hidden_gaussian.networks.rebuild` makes it again.
    """

    def __init__(self, model: nn.Module, sigma_data: float, options: dict[str, Any]) -> None:
        super().__init__()
        self.model, self.sigma_data, self.options = model, sigma_data, options

    def forward(self, noisy: Tensor, sigma: Tensor | float, augment_labels: Tensor | None = None) -> Tensor:
        """Return the estimate of the clean images.

        Parameters
        ----------
        noisy : Tensor of shape (batch, channels, height, width)
            Clean images in [-1, 1] plus sigma times white noise.
        sigma : Tensor of shape () or (batch,), or float
            Standard deviation of the noise, positive.
        augment_labels : Tensor of shape (batch, augment_dim), optional
            How each image was augmented; zeros, the default, stand for not at all.

        Returns
        -------
        Tensor of the shape and type of `noisy`
        """
        level = torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device).reshape(-1, 1, 1, 1)
        total = (level**2 + self.sigma_data**2).sqrt()
        output = self.model(noisy / total, level.log().flatten() / 4, augment_labels)
        estimate: Tensor = (self.sigma_data / total) ** 2 * noisy + level * self.sigma_data / total * output
        return estimate.to(noisy.dtype)
