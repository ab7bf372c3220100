"""Denoising autoencoders: a separate network for each of a few noise levels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hidden_gaussian import networks
from hidden_gaussian.denoisers.network import NetworkDenoiser
from hidden_gaussian.denoisers.protocol import index_of_level
from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import load_metadata, load_tensors, save_tensors


class AutoencoderDenoiser:
    """Networks for one noise level each (Li et al. Fig. 24).

    Parameters
    ----------
    sigmas : sequence of float
        One level for each network.
    autoencoders : sequence of Module
        Called as network(noisy, sigma).
    device : device or str

    Examples
    --------
    >>> class Identity(nn.Module):
    ...     def forward(self, noisy, sigma):
    ...         return noisy
    >>> AutoencoderDenoiser([0.5, 4.0], [Identity(), Identity()])(torch.ones(1, 1, 1, 1), 4.0).item()
    1.0
    """

    def __init__(
        self, sigmas: Sequence[float], autoencoders: Sequence[nn.Module], device: torch.device | str = "cpu"
    ) -> None:
        self.sigmas = torch.tensor(sigmas, dtype=torch.float64)
        self.denoisers = [NetworkDenoiser(network, device) for network in autoencoders]

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the estimate; all images of a batch share one level.

        Raises
        ------
        InputError
            If sigma is not one of the levels.
        """
        return self.of_level(sigma)(noisy, sigma)

    def of_level(self, sigma: Tensor | float) -> NetworkDenoiser:
        """Return the denoiser of a level; InputError if there is none for sigma."""
        return self.denoisers[index_of_level(self.sigmas, sigma, "the autoencoders were trained at")]

    def differentiable(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the estimate with its derivatives, see :meth:`NetworkDenoiser.differentiable`."""
        return self.of_level(sigma).differentiable(noisy, sigma)

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "cpu") -> AutoencoderDenoiser:
        """Read the networks of a cell, written by :func:`save`.

        Raises
        ------
        InputError
            If the file holds no such networks.
        """
        metadata, tensors = load_metadata(path), load_tensors(path)
        try:
            sigmas = json.loads(metadata["sigmas"])
            autoencoders = [networks.rebuild(json.loads(metadata["options"])) for _ in sigmas]
            nn.ModuleList(autoencoders).load_state_dict(tensors)
        except (KeyError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{path} holds no denoising autoencoders ({reason}); delete it and run again") from None
        return cls(sigmas, autoencoders, device)


def save(
    path: str | Path, sigmas: Sequence[float], autoencoders: Sequence[nn.Module], options: Mapping[str, Any]
) -> None:
    """Write networks of equal options to a ``.safetensors`` file; the names of weights start with the level's index."""
    metadata = {"options": json.dumps(options, sort_keys=True), "sigmas": json.dumps(list(sigmas))}
    tensors = nn.ModuleList(autoencoders).state_dict()
    save_tensors(path, {name: tensor.float() for name, tensor in tensors.items()}, metadata)
