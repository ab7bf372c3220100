"""What every denoiser is: all that samplers, distillation and metrics know about one."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from hidden_gaussian.errors import InputError

TOLERANCE = 1e-6  # relative, of noise levels


class Denoiser(Protocol):
    """An estimate of the clean image behind a noisy one.

    A denoiser may also have these attributes:

    * ``sigmas``, a Tensor: the only noise levels at which it is defined, see :func:`is_defined`;
    * ``differentiable(noisy, sigma)``: its estimate through which derivatives are right, see :func:`differentiable`;
    * ``diagnostics(noisy, sigma)``: numbers of its own that are measured, see :func:`diagnostics`;
    * ``flow(state, sigma_from, sigma_to)``: the exact solution of the sampler's ODE, for the sampler ``exact``.

    Examples
    --------
    >>> def shrink(noisy, sigma):  # a plain function is a denoiser
    ...     return noisy / (1 + sigma**2)
    >>> shrink(torch.ones(1, 1, 1, 1), 1.0).item()
    0.5
    """

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the estimate.

        Parameters
        ----------
        noisy : Tensor of shape (batch, channels, height, width)
            Clean pixels in [-1, 1] plus noise. It must not be changed.
        sigma : float or Tensor of shape () or (batch,)
            Standard deviation of the noise.

        Returns
        -------
        Tensor of the shape of `noisy`
            Without a gradient: decorate the function of a network with ``torch.no_grad``.
        """
        ...


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


def differentiable(denoiser: Denoiser) -> Denoiser:
    """Return the function to take derivatives of: the denoiser's ``differentiable`` if it has one, else itself.

    Examples
    --------
    >>> double = differentiable(lambda noisy, sigma: 2 * noisy)
    >>> float(torch.func.grad(lambda noisy: double(noisy, 1.0))(torch.tensor(3.0)))
    2.0
    """
    found: Denoiser = getattr(denoiser, "differentiable", denoiser)
    return found


def diagnostics(denoiser: Denoiser, noisy: Tensor, sigma: float) -> dict[str, Tensor]:
    """Return what a denoiser reports of itself, by name: one number for each noisy image, of shape (batch,).

    Examples
    --------
    >>> diagnostics(lambda noisy, sigma: noisy, torch.zeros(1, 1, 2, 2), 1.0)  # nothing
    {}
    """
    report = getattr(denoiser, "diagnostics", None)
    return report(noisy, sigma) if report else {}


def checked(denoiser: Denoiser, noisy: Tensor, sigma: float, name: str) -> Tensor:
    """Return the estimate of a denoiser that may be any user's function, after checking it.

    Raises
    ------
    InputError
        If the estimate is not a tensor of the shape of `noisy`, has a gradient or non-finite pixels, or if the denoiser
        changed its input.

    Examples
    --------
    >>> checked(lambda noisy, sigma: noisy[0], torch.zeros(1, 1, 2, 2), 0.5, "mine")
    Traceback (most recent call last):
    hidden_gaussian.errors.InputError: the denoiser mine, at sigma 0.5, returned the shape (1, 2, 2), ...
    """
    copy = noisy.clone()
    denoised = denoiser(copy, sigma)
    at = f"the denoiser {name}, at sigma {sigma:g},"
    if not isinstance(denoised, Tensor):
        raise InputError(f"{at} returned a {type(denoised).__name__}, expected a tensor")
    if denoised.shape != noisy.shape:
        raise InputError(f"{at} returned the shape {tuple(denoised.shape)}, expected {tuple(noisy.shape)}")
    if denoised.requires_grad:
        raise InputError(f"{at} returned a tensor with a gradient: decorate its function with torch.no_grad()")
    if not torch.isfinite(denoised).all():
        raise InputError(f"{at} returned NaN or infinite pixels")
    if not torch.equal(copy, noisy):
        raise InputError(f"{at} changed the noisy images: it must work on a copy")
    return denoised


def column(sigma: Tensor | float, like: Tensor) -> Tensor:
    """Return sigma as a (1 or batch, 1) column in the precision and on the device of `like`."""
    return torch.as_tensor(sigma, dtype=like.dtype, device=like.device).reshape(-1, 1)
