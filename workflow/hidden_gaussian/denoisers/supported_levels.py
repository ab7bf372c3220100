"""Denoisers that are defined at some noise levels only."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import Denoiser
from hidden_gaussian.errors import InputError

TOLERANCE = 1e-6  # relative


def is_defined(denoiser: Denoiser, sigma: float) -> bool:
    """Return whether a denoiser is defined at a noise level; one without ``sigmas`` is at every level."""
    sigmas: Tensor | None = getattr(denoiser, "sigmas", None)
    return sigmas is None or bool(((sigmas - sigma).abs() <= TOLERANCE * sigma).any())


def place(sigmas: Tensor, sigma: Tensor | float, what: str) -> int:
    """Return which of some levels all images of a batch share.

    Parameters
    ----------
    sigmas : Tensor of shape (levels,), float64
    sigma : float or Tensor of shape () or (batch,)
        What was asked for.
    what : str
        For the error, such as "the linear denoiser was fitted at".

    Raises
    ------
    InputError
        If it is not one of the levels.
    """
    wanted = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1).to(sigmas)
    near = (sigmas - wanted[0]).abs() <= TOLERANCE * wanted[0]
    if not near.any() or not torch.equal(wanted, wanted[:1].expand_as(wanted)):
        known = ", ".join(f"{level:.4g}" for level in sigmas.tolist())
        raise InputError(
            f"{what} {known} only, but was asked for sigma {sorted(set(wanted.tolist()))}; choose a sampler or levels "
            "among these"
        )
    return int(near.nonzero()[0])
