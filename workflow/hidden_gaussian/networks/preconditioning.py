"""Parametrisations: how a raw network becomes a denoiser, by scaling its output and adding the noisy image or not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hidden_gaussian.errors import InputError


class Parametrisation(nn.Module):
    """A denoiser D(x; sigma) in terms of a raw network F.

    Parameters
    ----------
    model : Module
        The network F, called as model(image, label, augment_labels), or model(image, label) in :class:`Direct`.
    sigma_data : float
        Standard deviation s of the pixels, which lie in [-1, 1].
    options : dict
        The arguments of :func:`hidden_gaussian.networks.rebuild`, which JSON can store.
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
            How each image was augmented; zeros, the default, mean not at all.

        Returns
        -------
        Tensor of the shape and type of `noisy`
        """
        level = torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device).reshape(-1, 1, 1, 1)
        return self.estimate(noisy, level, augment_labels).to(noisy.dtype)

    def estimate(self, noisy: Tensor, level: Tensor, augment_labels: Tensor | None) -> Tensor:
        """Return the estimate, given sigma as `level` of shape (batch or 1, 1, 1, 1)."""
        raise NotImplementedError


class Preconditioned(Parametrisation):
    """The denoiser D(x; sigma) = c_skip x + c_out F(c_in x; ln(sigma) / 4) of Karras et al. (2022), eq. 7.

    With s the standard deviation of pixels, c_skip = s^2 / (sigma^2 + s^2), c_in = 1 / sqrt(sigma^2 + s^2)
    and c_out = sigma s / sqrt(sigma^2 + s^2) (their Table 1): F has input and output of unit variance.
    """

    def estimate(self, noisy: Tensor, level: Tensor, augment_labels: Tensor | None) -> Tensor:
        """Return the estimate, given sigma as `level` of shape (batch or 1, 1, 1, 1)."""
        total = (level**2 + self.sigma_data**2).sqrt()
        output = self.model(noisy / total, level.log().flatten() / 4, augment_labels)
        estimate: Tensor = (self.sigma_data / total) ** 2 * noisy + level * self.sigma_data / total * output
        return estimate


class VarianceExploding(Parametrisation):
    """The denoiser D(x; sigma) = x + sigma F(x; ln(sigma / 2)) of Song et al. (2021), in Karras et al.'s Table 1.

    F predicts the negative noise, scaled to unit variance, from the unscaled image: the baseline of Li et al. Fig. 11.
    `sigma_data` is not used.
    """

    def estimate(self, noisy: Tensor, level: Tensor, augment_labels: Tensor | None) -> Tensor:
        """Return the estimate, given sigma as `level` of shape (batch or 1, 1, 1, 1)."""
        estimate: Tensor = noisy + level * self.model(noisy, (level / 2).log().flatten(), augment_labels)
        return estimate


class Direct(Parametrisation):
    """The denoiser D(x; sigma) = F(x; sigma): the network predicts the clean image itself (Li et al. Fig. 24).

    It takes no augmentation labels. `sigma_data` is not used.
    """

    def estimate(self, noisy: Tensor, level: Tensor, augment_labels: Tensor | None) -> Tensor:
        """Return the estimate, given sigma as `level` of shape (batch or 1, 1, 1, 1).

        Raises
        ------
        InputError
            If there are augmentation labels.
        """
        if augment_labels is not None:
            raise InputError("training.augment: a denoising autoencoder takes no augmentation labels; set it to 0")
        estimate: Tensor = self.model(noisy, level.flatten())
        return estimate
