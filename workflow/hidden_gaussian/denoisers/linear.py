"""The distilled affine denoiser: D_L(x; s) = W_s x + b_s, one map for each noise level it was fitted at."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from hidden_gaussian import files
from hidden_gaussian.denoisers.levels import place
from hidden_gaussian.errors import InputError


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

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the affine estimate; all images of a batch share one of the fitted levels.

        Raises
        ------
        InputError
            If sigma is not one of the levels.
        """
        level = place(self.sigmas, sigma, "the linear denoiser was fitted at")
        flat = noisy.flatten(1)
        return (flat @ self.weights[level].to(flat).T + self.biases[level].to(flat)).reshape(noisy.shape)

    def save(self, path: str | Path) -> None:
        """Write to a ``.safetensors`` file."""
        files.save_tensors(path, {"sigmas": self.sigmas, "weights": self.weights, "biases": self.biases})

    @classmethod
    def load(cls, path: str | Path) -> LinearDenoiser:
        """Read maps written by :meth:`save`."""
        tensors = files.load_tensors(path)
        try:
            return cls(tensors["sigmas"], tensors["weights"], tensors["biases"])
        except KeyError as error:
            raise InputError(f"{path} holds no linear denoiser: it lacks {error}; delete it and run again") from None
