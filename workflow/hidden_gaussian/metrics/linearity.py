"""How close a denoiser is to a linear, or an affine, function of its input."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from hidden_gaussian.metrics.distance import inner_product, squared_norm
from hidden_gaussian.statistics import mixing_blocks

Denoiser = Callable[[Tensor, float], Tensor]
AFFINE = (2 / 3, 2 / 3, -1 / 3)  # the weights and their squares sum to 1, which keeps mean, covariance and noise level


def mixture_quantities(
    denoiser: Denoiser, noisy: Tensor, denoised: Tensor, sigma: float, mean: Tensor, alpha: float
) -> dict[str, Tensor]:
    """Return the sums that the linearity scores of Li et al. eq. (11) and (12) are made of.

    Each image is paired with the next one of its block (:mod:`hidden_gaussian.statistics.mixing_blocks`), so each
    output is used in two pairs.

    Parameters
    ----------
    denoiser : callable
        (noisy, sigma) -> estimate of the clean images.
    noisy, denoised : Tensor of shape (batch, channels, height, width)
        Noisy images with one noise draw each at one noise level, and the denoiser's outputs.
    sigma : float
        Standard deviation of the noise.
    mean : Tensor of shape (channels, height, width)
        Subtracted from inputs and outputs in the centred scores, which are then 1 for D(y) = mean + W (y - mean).
    alpha : float
        Weight of the first image of a pair. The second has sqrt(1 - alpha^2), which keeps the noise level.

    Returns
    -------
    dict of Tensor of shape (batch,)
        ``mixed_norm`` |D(a y1 + b y2)|^2, ``combined_norm`` |a D1 + b D2|^2, ``mixed_inner`` and ``mixed_gap`` of the
        two; the same with ``_centred``, and with ``_residual`` for y - D.

    Examples
    --------
    >>> import torch
    >>> noisy = torch.randn(4, 1, 2, 2)
    >>> found = mixture_quantities(lambda y, sigma: y / 2, noisy, noisy / 2, 1.0, torch.zeros(1, 2, 2), 0.6)
    >>> bool(found["mixed_gap"].max() < 1e-12)
    True
    """
    beta = (1 - alpha**2) ** 0.5
    following = mixing_blocks.following(len(noisy), 1)
    mixture = alpha * noisy + beta * noisy[following]
    mixed = denoiser(mixture, sigma)
    combined = alpha * denoised + beta * denoised[following]
    shift = (1 - alpha - beta) * mean
    mixed_centred = denoiser(mixture + shift, sigma) - mean
    combined_centred = combined + shift - mean
    return {
        **_pair("", mixed, combined),
        **_pair("_centred", mixed_centred, combined_centred),
        **_pair("_residual", mixture - mixed, mixture - combined),
    }


def affinity_quantities(denoiser: Denoiser, noisy: Tensor, denoised: Tensor, sigma: float) -> dict[str, Tensor]:
    """Return the squared distance of the output for a mixture of three images to the mixture of their outputs.

    Parameters
    ----------
    denoiser : callable
        (noisy, sigma) -> estimate of the clean images.
    noisy, denoised : Tensor of shape (batch, channels, height, width)
        As for :func:`mixture_quantities`; each image is mixed with the next two of its block.
    sigma : float
        Standard deviation of the noise.

    Returns
    -------
    dict of Tensor of shape (batch,)
        ``affine_gap``, 0 for every affine denoiser, and ``norm_centred`` to divide it by.

    Examples
    --------
    >>> import torch
    >>> noisy = torch.randn(4, 1, 2, 2)
    >>> found = affinity_quantities(lambda y, sigma: y / 2 + 1, noisy, noisy / 2 + 1, 1.0)
    >>> bool(found["affine_gap"].max() < 1e-10)
    True
    """
    first, second, last = AFFINE
    one, two = (mixing_blocks.following(len(noisy), step) for step in (1, 2))
    mixed = denoiser(first * noisy + second * noisy[one] + last * noisy[two], sigma)
    expected = first * denoised + second * denoised[one] + last * denoised[two]
    return {"affine_gap": squared_norm(mixed - expected), "norm_centred": squared_norm(denoised - denoised.mean(0))}


def _pair(suffix: str, mixed: Tensor, combined: Tensor) -> dict[str, Tensor]:
    return {
        f"mixed_norm{suffix}": squared_norm(mixed),
        f"combined_norm{suffix}": squared_norm(combined),
        f"mixed_inner{suffix}": inner_product(mixed, combined),
        f"mixed_gap{suffix}": squared_norm(mixed - combined),
    }
