"""The distilled affine denoiser: D_L(x; s) = W_s x + b_s, one map for each noise level it was fitted at."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from hidden_gaussian.denoisers.supported_levels import place
from hidden_gaussian.storage import holding, load_tensors, save_tensors


class LinearDenoiser:
    """Affine maps at given noise levels (Li et al. eq. 8); any other level is refused.

    Parameters
    ----------
    sigmas : Tensor of shape (levels,), float64
    weights : Tensor of shape (levels, d, d)
    biases : Tensor of shape (levels, d)
    """

    def __init__(self, sigmas: Tensor, weights: Tensor, biases: Tensor) -> None:
        self.sigmas, self.weights, self.biases = sigmas.double(), weights, biases
        self._held: tuple[int, Tensor, Tensor] | None = None

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the affine estimate; all images of a batch share one of the fitted levels.

        Raises
        ------
        InputError
            If sigma is not one of the levels.
        """
        level = self.level(sigma)
        if self._held is None or self._held[0] != level:  # a map of 12,288 pixels takes 0.6 GB: move it once
            self._held = level, self.weights[level].to(noisy), self.biases[level].to(noisy)
        _, weight, bias = self._held
        flat = noisy.flatten(1)
        return (flat @ weight.to(flat).T + bias.to(flat)).reshape(noisy.shape)

    def level(self, sigma: Tensor | float) -> int:
        """Return the number of a fitted level; InputError if sigma is none."""
        return place(self.sigmas, sigma, "the linear denoiser was fitted at")

    def save(self, path: str | Path) -> None:
        """Write to a ``.safetensors`` file."""
        save_tensors(path, {"sigmas": self.sigmas, "weights": self.weights, "biases": self.biases})

    @classmethod
    def load(cls, path: str | Path) -> LinearDenoiser:
        """Read maps written by :meth:`save`."""
        tensors = load_tensors(path)
        with holding(path, "a linear denoiser"):
            return cls(tensors["sigmas"], tensors["weights"], tensors["biases"])
