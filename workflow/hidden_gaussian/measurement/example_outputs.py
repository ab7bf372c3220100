"""Outputs of a denoiser for a few noisy inputs that all denoisers share: images for the figures."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import Denoiser

EXAMPLES = 4  # clean images, and as many noises


def outputs_on_shared_inputs(denoiser: Denoiser, clean: Tensor, *, seed: int) -> dict[str, Tensor]:
    """Return a denoiser's outputs for noised images and for pure noise, at the ten levels of the Euler sampler.

    Parameters
    ----------
    clean : Tensor of shape (images, channels, height, width)
        In [-1, 1], on the device of the denoiser.
    seed : int
        Root seed of the study: image i and noise i are the same for every denoiser and level.

    Returns
    -------
    dict of Tensor, float16
        ``clean`` x and ``noise`` e, of shape (images, channels, height, width); ``of_images`` D(x + sigma e; sigma) and
        ``of_noise`` D(sigma e; sigma), of shape (levels, images, channels, height, width), the noisiest level first.

    Examples
    --------
    >>> outputs = outputs_on_shared_inputs(lambda noisy, sigma: noisy / 2, torch.ones(4, 1, 2, 2), seed=0)
    >>> outputs["of_images"].shape
    torch.Size([10, 4, 1, 2, 2])
    """
    unit = noise.noise_for(range(len(clean)), clean.shape[1:], seed=seed, purpose="outputs").to(clean)
    images = {"clean": clean, "noise": unit}
    for name, signal in (("of_images", clean), ("of_noise", torch.zeros_like(clean))):
        levels = noise.schedule(10).tolist()
        images[name] = torch.stack([denoiser(signal + sigma * unit, sigma) for sigma in levels])
    return {name: tensor.half() for name, tensor in images.items()}
