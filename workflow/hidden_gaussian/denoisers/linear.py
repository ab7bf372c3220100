"""The distilled affine denoiser: D_L(x; s) = W_s x + b_s, with a map for each noise level it was fitted at."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from hidden_gaussian.denoisers.protocol import index_of_level
from hidden_gaussian.storage import holding, load_tensors, save_tensors


class LinearDenoiser:
    """Affine maps at a few noise levels (Li et al. eq. 8).

    Parameters
    ----------
    sigmas : Tensor of shape (levels,)
    weights : Tensor of shape (levels, d, d)
    biases : Tensor of shape (levels, d)

    Examples
    --------
    >>> import torch
    >>> linear = LinearDenoiser(torch.tensor([4.0]), 0.5 * torch.eye(2)[None], torch.ones(1, 2))
    >>> linear(torch.ones(1, 1, 1, 2), 4.0)
    tensor([[[[1.5000, 1.5000]]]])
    """

    def __init__(self, sigmas: Tensor, weights: Tensor, biases: Tensor) -> None:
        self.sigmas, self.weights, self.biases = sigmas.double(), weights, biases
        self._on_device: tuple[int, Tensor, Tensor] | None = None

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the affine estimate; all images of a batch share one level.

        Raises
        ------
        InputError
            If sigma is not one of the levels.
        """
        level = self.level(sigma)
        if self._on_device is None or self._on_device[0] != level:  # the map of 12,288 pixels is 0.6 GB: move it once
            self._on_device = level, self.weights[level].to(noisy), self.biases[level].to(noisy)
        _, weight, bias = self._on_device
        flat = noisy.flatten(1)
        return (flat @ weight.to(flat).T + bias.to(flat)).reshape(noisy.shape)

    def level(self, sigma: Tensor | float) -> int:
        """Return the index of a fitted level; InputError if sigma is none."""
        return index_of_level(self.sigmas, sigma, "the linear denoiser was fitted at")

    def save(self, path: str | Path) -> None:
        """Write to a ``.safetensors`` file."""
        save_tensors(path, {"sigmas": self.sigmas, "weights": self.weights, "biases": self.biases})

    @classmethod
    def load(cls, path: str | Path) -> LinearDenoiser:
        """Read maps written by :meth:`save`."""
        tensors = load_tensors(path)
        with holding(path, "a linear denoiser"):
            return cls(tensors["sigmas"], tensors["weights"], tensors["biases"])
