"""What a denoiser makes of a few noisy inputs that all denoisers share: pictures to look at, not numbers to average."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import Denoiser

PICTURES = 4  # clean images, and noises, whose outputs are kept


def outputs(denoiser: Denoiser, clean: Tensor, *, seed: int) -> dict[str, Tensor]:
    """Return a denoiser's outputs on noised images and on pure noise, at the ten levels of the Euler sampler.

    Parameters
    ----------
    clean : Tensor of shape (images, channels, height, width)
        In [-1, 1], on the device of the denoiser.
    seed : int
        Of the study: image i and noise i are the same for every denoiser and level.

    Returns
    -------
    dict of Tensor, float16
        ``clean`` x and ``noise`` e, of shape (images, channels, height, width); ``of_images`` D(x + sigma e; sigma) and
        ``of_noise`` D(sigma e; sigma), of shape (levels, images, channels, height, width), the noisiest level first.
    """
    unit = noise.noise_for(range(len(clean)), clean.shape[1:], seed=seed, purpose="outputs").to(clean)
    found = {"clean": clean, "noise": unit}
    for name, signal in (("of_images", clean), ("of_noise", torch.zeros_like(clean))):
        levels = noise.schedule(10).tolist()
        found[name] = torch.stack([denoiser(signal + sigma * unit, sigma) for sigma in levels])
    return {name: tensor.half() for name, tensor in found.items()}
