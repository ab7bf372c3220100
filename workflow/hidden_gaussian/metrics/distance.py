"""Squared distances between outputs of denoisers, clean images and their means."""

from __future__ import annotations

from torch import Tensor


def squared_norm(images: Tensor) -> Tensor:
    """Return the sum of squares of each image, of shape (batch,), float64.

    Examples
    --------
    >>> import torch
    >>> squared_norm(torch.ones(2, 1, 4, 4)).tolist()
    [16.0, 16.0]
    """
    return images.flatten(1).double().square().sum(1)


def inner_product(first: Tensor, second: Tensor) -> Tensor:
    """Return the inner product of each pair of images, of shape (batch,), float64.

    Examples
    --------
    >>> import torch
    >>> images = torch.ones(2, 1, 4, 4)
    >>> inner_product(images, -images).tolist()
    [-16.0, -16.0]
    """
    return (first.flatten(1).double() * second.flatten(1).double()).sum(1)


def output_quantities(clean: Tensor, noisy: Tensor, denoised: Tensor) -> dict[str, Tensor]:
    """Return the squared lengths that normalise distances, and the denoising loss.

    Parameters
    ----------
    clean, noisy, denoised : Tensor of shape (batch, channels, height, width)
        All images and noise draws of one kind of input at one noise level; the mean E is over the batch.

    Returns
    -------
    dict of Tensor of shape (batch,)
        ``norm`` |D|^2, ``norm_centred`` |D - E D|^2, ``loss`` |D - x|^2, ``residual_norm_centred`` |r - E r|^2 of the
        residual r = y - D.

    Examples
    --------
    >>> import torch
    >>> clean = torch.zeros(2, 1, 2, 2)
    >>> output_quantities(clean, clean + 3, clean + 1)["loss"].tolist()
    [4.0, 4.0]
    """
    residual = noisy - denoised
    return {
        "norm": squared_norm(denoised),
        "norm_centred": squared_norm(denoised - denoised.mean(0)),
        "loss": squared_norm(denoised - clean),
        "residual_norm_centred": squared_norm(residual - residual.mean(0)),
    }
