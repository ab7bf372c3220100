"""Denoising autoencoders: a network of its own for each of some noise levels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hidden_gaussian import networks
from hidden_gaussian.denoisers.network import NetworkDenoiser
from hidden_gaussian.denoisers.supported_levels import place
from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import load_metadata, load_tensors, save_tensors


class AutoencoderDenoiser:
    """Networks of one noise level each (Li et al. Fig. 24); any other level is refused.

    Parameters
    ----------
    sigmas : sequence of float
        The levels, as many as networks.
    autoencoders : sequence of Module
        Called as network(noisy, sigma).
    device : device or str
    """

    def __init__(
        self, sigmas: Sequence[float], autoencoders: Sequence[nn.Module], device: torch.device | str = "cpu"
    ) -> None:
        self.sigmas = torch.tensor(sigmas, dtype=torch.float64)
        self.denoisers = [NetworkDenoiser(network, device) for network in autoencoders]

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the estimate; all images of a batch share one of the levels.

        Raises
        ------
        InputError
            If sigma is not one of the levels.
        """
        return self.of_level(sigma)(noisy, sigma)

    def of_level(self, sigma: Tensor | float) -> NetworkDenoiser:
        """Return the denoiser of one of the levels; InputError if sigma is none."""
        return self.denoisers[place(self.sigmas, sigma, "the autoencoders were trained at")]

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
    """Write networks of the same options to one ``.safetensors`` file; weights are named by the number of the level."""
    metadata = {"options": json.dumps(options, sort_keys=True), "sigmas": json.dumps(list(sigmas))}
    tensors = nn.ModuleList(autoencoders).state_dict()
    save_tensors(path, {name: tensor.float() for name, tensor in tensors.items()}, metadata)
