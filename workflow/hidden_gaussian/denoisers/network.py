"""A trained network as a denoiser: evaluation mode, no gradients, batches that fit the device."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from hidden_gaussian import networks
from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import load_metadata, load_tensors


class NetworkDenoiser:
    """A network evaluated without gradients, a batch at a time.

    Parameters
    ----------
    network : Module
        Called as network(noisy, sigma).
    device : device or str
    batch : int
        Images evaluated at a time. It changes the result by rounding only.

    Examples
    --------
    >>> class Shrink(nn.Module):
    ...     def forward(self, noisy, sigma):
    ...         return noisy / (1 + sigma.reshape(-1, 1, 1, 1) ** 2)
    >>> NetworkDenoiser(Shrink())(torch.ones(1, 1, 1, 2), 1.0)
    tensor([[[[0.5000, 0.5000]]]])
    """

    def __init__(self, network: nn.Module, device: torch.device | str = "cpu", batch: int = 512) -> None:
        self.network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last).to(device)
        self.device, self.batch = torch.device(device), batch

    @torch.inference_mode()
    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the network's estimate of each clean image."""
        levels = torch.as_tensor(sigma, dtype=torch.float32).reshape(-1).expand(len(noisy)).to(self.device)
        parts = [
            self.network(images.to(self.device, torch.float32).contiguous(memory_format=torch.channels_last), level)
            for images, level in zip(torch.split(noisy, self.batch), torch.split(levels, self.batch), strict=True)
        ]
        return torch.cat(parts).to(noisy)

    def differentiable(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the estimate, in one batch, with forward and backward derivatives."""
        level = torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device)
        with sdpa_kernel(SDPBackend.MATH):  # fused attention has no forward derivative
            output: Tensor = self.network(noisy, level.expand(len(noisy)))
        return output

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "cpu") -> NetworkDenoiser:
        """Read the network of a checkpoint; errors as :func:`load_network`."""
        return cls(load_network(path), device)


def load_network(path: str | Path) -> networks.Parametrisation:
    """Read the network of a checkpoint, built by the options in the file's metadata.

    Raises
    ------
    InputError
        If the file is not a checkpoint, or its weights do not fit its options.

    Examples
    --------
    >>> load_network("weights.safetensors")
    Traceback (most recent call last):
    hidden_gaussian.errors.InputError: weights.safetensors ...
    """
    metadata, tensors = load_metadata(path), load_tensors(path)
    try:
        network = networks.rebuild(json.loads(metadata["options"]))
        network.load_state_dict(tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} holds no checkpoint of a network ({reason}); delete it and run again") from None
    return network
