"""How far outputs are from each other, from the clean image, and from their mean."""

from __future__ import annotations

from torch import Tensor


def squared(images: Tensor) -> Tensor:
    """Return the sum of squares of each image, of shape (batch,), float64."""
    return images.flatten(1).double().square().sum(1)


def inner(first: Tensor, second: Tensor) -> Tensor:
    """Return the inner product of each pair of images, of shape (batch,), float64."""
    return (first.flatten(1).double() * second.flatten(1).double()).sum(1)


def output_quantities(clean: Tensor, noisy: Tensor, denoised: Tensor) -> dict[str, Tensor]:
    """Return the squared lengths that normalise distances, and the denoising loss.

    Parameters
    ----------
    clean, noisy, denoised : Tensor of shape (batch, channels, height, width)
        All images and draws of one kind of input at one noise level: means are taken over the batch.

    Returns
    -------
    dict of Tensor of shape (batch,)
        ``norm`` |D|^2, ``norm_centred`` |D - E D|^2, ``loss`` |D - x|^2, ``residual_norm_centred`` |r - E r|^2 of the
        residual r = y - D.
    """
    residual = noisy - denoised
    return {
        "norm": squared(denoised),
        "norm_centred": squared(denoised - denoised.mean(0)),
        "loss": squared(denoised - clean),
        "residual_norm_centred": squared(residual - residual.mean(0)),
    }
