"""Geometric augmentation that does not leak into samples: nine labels tell the network what was done to an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LABELS = 9
SCALE_STD = 0.2  # of log2 of the factor
ROTATE_MAX = 1.0  # of a half turn
ANISOTROPY_STD = 0.2  # of log2 of the factor along the axis; its inverse across keeps the area
ANISOTROPY_ROTATE = 0.5  # probability that the axis of anisotropic scaling is not horizontal
TRANSLATE_STD = 0.125  # of the width


def augment(images: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror, scale, rotate, scale anisotropically and shift images, and return labels for these operations.

    The label of an operation that was not applied is zero; with zero labels a network shows unchanged images.

    Flips are exact. The other operations are one affine map with bicubic sampling and reflection at the border; images
    that do not move are not resampled. Shrinking has no low-pass filter: factors below 2^-0.4 occur in one of 44 scaled
    images, and labelled aliasing does not leak.

    Parameters
    ----------
    images : Tensor of shape (batch, channels, side, side)
        Floating.
    parameters : Tensor of shape (batch, 8)
        From :func:`draw`.

    Returns
    -------
    images : Tensor of shape (batch, channels, side, side)
    labels : Tensor of shape (batch, 9)
        Flips a0, a1; scaling a2; rotation cos a3 - 1, sin a3; anisotropic scaling a5 cos a4,
        a5 sin a4; shifts a6, a7.
    """
    if images.ndim != 4 or images.shape[2] != images.shape[3]:
        raise ValueError(f"images: shape {tuple(images.shape)}; expected square images (batch, channels, side, side)")
    mirrored = mirror(images, parameters[:, 0] == 1, parameters[:, 1] == 1)
    moved = warp(mirrored, _backward_map(parameters))
    return moved, _labels(parameters).to(images.device, images.dtype, non_blocking=True)


def mirror(images: Tensor, horizontally: Tensor, vertically: Tensor) -> Tensor:
    """Mirror the chosen images, exactly.

    Parameters
    ----------
    images : Tensor of shape (batch, channels, height, width)
    horizontally, vertically : bool Tensor of shape (batch,)
        Left to right, top to bottom; on the CPU.
    """
    for chosen, axis in ((horizontally, 3), (vertically, 2)):
        mask = chosen.to(images.device, non_blocking=True)[:, None, None, None]
        images = torch.where(mask, images.flip(axis), images)
    return images


def warp(images: Tensor, backward: Tensor) -> Tensor:
    """Move images by affine maps; an image whose map is the identity stays bit for bit the same.

    Parameters
    ----------
    images : Tensor of shape (batch, channels, side, side)
    backward : Tensor of shape (batch, 2, 3), on the CPU
        From coordinates in the result to coordinates in the image; both are [-1, 1] wide and high.
    """
    identity = torch.eye(2, 3, dtype=backward.dtype)
    rows = (backward != identity).flatten(1).any(1).nonzero()[:, 0]
    if len(rows) == 0:
        return images
    maps = backward[rows].to(images.device, images.dtype, non_blocking=True)
    rows = rows.to(images.device, non_blocking=True)
    chosen = images[rows]
    grid = functional.affine_grid(maps, list(chosen.shape), align_corners=False)
    moved = functional.grid_sample(chosen, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return images.index_copy(0, rows, moved)


def draw(batch: int, *, probability: float, generator: torch.Generator) -> Tensor:
    """Draw the operations on each image: Karras et al. 2022, appendix F.2 and table 6.

    Half of the images are mirrored left to right, whatever the probability. Every other operation is chosen
    independently with `probability`; mirroring top to bottom is then applied to half of the chosen images.

    Parameters
    ----------
    batch : int
    probability : float
    generator : Generator
        On the CPU, for every device. The amount drawn does not depend on the operations applied.

    Returns
    -------
    Tensor of shape (batch, 8), float64, on the CPU
        The parameters a0 ... a7, zero for an operation that is not applied.
    """
    coins = torch.randint(0, 2, (batch, 2), generator=generator).double()
    turns = 2 * torch.rand(batch, 2, generator=generator, dtype=torch.float64) - 1
    normal = torch.randn(batch, 4, generator=generator, dtype=torch.float64)
    chances = torch.rand(batch, 6, generator=generator, dtype=torch.float64)
    flip, scale, rotate, anisotropy, shift = (chances[:, :5] < probability).double().unbind(1)
    tilt = (chances[:, 5] < ANISOTROPY_ROTATE).double()
    columns = (
        coins[:, 0],
        coins[:, 1] * flip,
        normal[:, 0] * scale,
        turns[:, 0] * math.pi * ROTATE_MAX * rotate,
        turns[:, 1] * math.pi * tilt * anisotropy,
        normal[:, 1] * anisotropy,
        normal[:, 2] * shift,
        normal[:, 3] * shift,
    )
    return torch.stack(columns, 1)


def _labels(parameters: Tensor) -> Tensor:
    mirrored, upside_down, scale, angle, axis, anisotropy, right, down = parameters.unbind(1)
    turned = (angle.cos() - 1, angle.sin(), anisotropy * axis.cos(), anisotropy * axis.sin())
    return torch.stack((mirrored, upside_down, scale, *turned, right, down), 1)


def _backward_map(parameters: Tensor) -> Tensor:
    """Return the inverse of scaling, rotation, anisotropic scaling and shift in this order; shape (batch, 2, 3)."""
    _, _, scale, angle, axis, anisotropy, right, down = parameters.unbind(1)
    along = torch.exp2(-ANISOTROPY_STD * anisotropy)
    anisotropic = _rotation(axis) @ torch.diag_embed(torch.stack((along, 1 / along), 1)) @ _rotation(-axis)
    linear = torch.exp2(-SCALE_STD * scale)[:, None, None] * _rotation(-angle) @ anisotropic
    shift = 2 * TRANSLATE_STD * torch.stack((right, down), 1)[:, :, None]
    return torch.cat((linear, -linear @ shift), 2)


def _rotation(angle: Tensor) -> Tensor:
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack((cosine, -sine, sine, cosine), 1).reshape(-1, 2, 2)
