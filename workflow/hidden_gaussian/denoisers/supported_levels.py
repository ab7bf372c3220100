"""Denoisers that are defined at a few noise levels only."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian.denoisers.protocol import Denoiser
from hidden_gaussian.errors import InputError

TOLERANCE = 1e-6  # relative


def is_defined(denoiser: Denoiser, sigma: float) -> bool:
    """Return whether a denoiser is defined at a noise level; one without ``sigmas`` is defined everywhere.

    Examples
    --------
    >>> from hidden_gaussian.denoisers import LinearDenoiser
    >>> linear = LinearDenoiser(torch.tensor([0.5, 4.0]), torch.zeros(2, 4, 4), torch.zeros(2, 4))
    >>> is_defined(linear, 4.0), is_defined(linear, 2.0)
    (True, False)
    """
    sigmas: Tensor | None = getattr(denoiser, "sigmas", None)
    return sigmas is None or bool(((sigmas - sigma).abs() <= TOLERANCE * sigma).any())


def index_of_level(sigmas: Tensor, sigma: Tensor | float, what: str) -> int:
    """Return the index of the level that all images of a batch share.

    Parameters
    ----------
    sigmas : Tensor of shape (levels,), float64
        Supported levels.
    sigma : float or Tensor of shape () or (batch,)
    what : str
        Start of the error message, such as "the linear denoiser was fitted at".

    Raises
    ------
    InputError
        If images differ in sigma, or it is not a supported level.
    """
    wanted = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1).to(sigmas)
    near = (sigmas - wanted[0]).abs() <= TOLERANCE * wanted[0]
    if not near.any() or not torch.equal(wanted, wanted[:1].expand_as(wanted)):
        known = ", ".join(f"{level:.4g}" for level in sigmas.tolist())
        raise InputError(
            f"{what} {known} only, but sigma is {sorted(set(wanted.tolist()))}; choose a sampler or levels among these"
        )
    return int(near.nonzero()[0])
