"""Comparison of distilled linear maps with their denoiser and the Gaussian: by weights, components and images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hidden_gaussian.distillation import (
    Distilled,
    Fit,
    component_quantities,
    distil,
    gaussian_rows,
    gradient_descent,
    singular_quantities,
    weight_quantities,
)
from hidden_gaussian.measurement.noised_batch import NoisedBatch, Target
from hidden_gaussian.metrics import LEADING, SingularTriplets, inner_product, leading_triplets, pad_basis, squared_norm
from hidden_gaussian.settings import Distillation

SHOWN = 8  # singular vectors that are kept as images
SINGLE = ("weight_gap", "gaussian_weight", "linear_weight", "asymmetry")  # quantities that need one fit, not two


def measure_linear_maps(
    target: Target,
    noised: NoisedBatch,
    denoised: Tensor,
    fit: Fit,
    settings: Distillation,
    *,
    with_images: bool = False,
) -> tuple[list[pd.DataFrame], dict[str, Tensor]]:
    """Fit linear maps to a denoiser at one noise level and compare them with it and with the Gaussian's.

    Parameters
    ----------
    target : Target
    noised : NoisedBatch
        Fresh noise on which the maps are evaluated.
    denoised : Tensor of shape (batch, channels, height, width)
        The denoiser's output for it.
    fit : Fit
    settings : Distillation
        Whether a map is also fitted by gradient descent.
    with_images : bool
        Whether to return images of the map that is fitted by gradient descent.

    Returns
    -------
    frames : list of DataFrame
        Shard rows.
    images : dict of Tensor
        Empty without gradient descent; see :func:`singular_images`.
    """
    rows, linear = gaussian_rows(target.gaussian, noised.sigma), {"reference_id": f"{target.id}/linear"}
    frames, fitted = [], None
    for fitted in distil(target.denoiser, fit, noised.sigma, target.gaussian):
        first, second = fitted.first, fitted.second
        values = weight_quantities(first.weight, second.weight, rows) | fitted.stein.quantities(first, second, rows)
        values |= _fit_error(fitted, noised, denoised)
        frames.append(noised.overall_rows(target.id, values, **linear, parameter="draws", at=float(fitted.draws)))
    assert fitted is not None  # there is at least one milestone
    frames += _component_rows(target, noised, fitted)
    frames.append(noised.rows(target.id, linear_quantities(fitted, noised, denoised, target), **linear))
    if settings.solver != "adam" or noised.inputs == "train":
        return frames, {}
    by_epochs, images = _measure_gradient_descent(target, noised, denoised, fit, settings, with_images=with_images)
    return frames + by_epochs, images


def _measure_gradient_descent(
    target: Target, noised: NoisedBatch, denoised: Tensor, fit: Fit, settings: Distillation, *, with_images: bool
) -> tuple[list[pd.DataFrame], dict[str, Tensor]]:
    """Return rows of the map by epochs and of the last map's singular values, and images of its singular vectors."""
    rows, linear = gaussian_rows(target.gaussian, noised.sigma), {"reference_id": f"{target.id}/linear"}
    fit = replace(fit, purpose=f"distillation/adam/{noised.inputs}")
    *_, last = epochs = gradient_descent.recorded_epochs(settings.adam.epochs)
    shown = sorted({epochs[1], epochs[(len(epochs) + 1) // 2], last}) if with_images else [last]
    frames: list[pd.DataFrame] = []
    vectors: list[Tensor] = []
    for map_ in gradient_descent.fit_by_epochs(target.denoiser, fit, noised.sigma, settings.adam):
        quantities = weight_quantities(map_.weight, map_.weight, rows)
        values = {name: quantities[name] for name in SINGLE} | _fit_error(map_, noised, denoised)
        frames.append(noised.overall_rows(target.id, values, **linear, parameter="epoch", at=float(map_.epoch)))
        if map_.epoch in shown:
            singular = _singular(map_.weight, target.gaussian.vectors)
            vectors.append(singular_images(singular.left, target))
    frames.append(_by_component(target, noised, "descended_value", singular.values))
    if not with_images:
        return frames, {}
    components = singular_images(target.gaussian.vectors, target)
    return frames, {
        "descended": torch.stack(vectors),
        "descended_epochs": torch.tensor(shown),
        "components": components,
    }


def _singular(weight: Tensor, start: Tensor) -> SingularTriplets:
    count = min(LEADING, len(weight))
    start = pad_basis(start.to(weight), count)
    return leading_triplets(lambda right: weight @ right, lambda left: weight.T @ left, start, count)


def singular_images(left: Tensor, target: Target) -> Tensor:
    """Return the first singular vectors as images of unit mean square, with the signs of the principal components.

    Parameters
    ----------
    left : Tensor of shape (d, k)
        Orthonormal columns.

    Returns
    -------
    Tensor of shape (up to 8, channels, height, width), float16
    """
    own = target.gaussian.vectors[:, :SHOWN].to(left)
    chosen = left[:, : own.shape[1]]
    sign = torch.where((chosen * own).sum(0) < 0, -1.0, 1.0)
    images: Tensor = (chosen * sign * len(left) ** 0.5).T.reshape(-1, *target.mean.shape)
    return images.half()


def linear_quantities(fitted: Distilled, noised: NoisedBatch, denoised: Tensor, target: Target) -> dict[str, Tensor]:
    """Return squared distances of the distilled map to the denoiser and to the Gaussian, on noisy images of its own.

    Products of two independent fits L1 and L2 are unbiased for the squared distances of the map that infinitely many
    pairs would give. The squared distances of one map are larger, by the noise of its fit.

    Returns
    -------
    dict of Tensor of shape (batch,)
        ``distance`` |D - D_L|^2 and ``linear_gaussian`` |D_L - D_G|^2 of the mean D_L of both fits; ``nonlinear``
        <D - L1, D - L2>, ``mismatch`` <L1 - D_G, L2 - D_G>, ``mismatch_inside`` the same in the span of the training
        images, which D_G never leaves; ``gaussian_spread`` |D_G - mu|^2.
    """
    gaussian = target.gaussian(noised.noisy, noised.sigma)
    first, second = fitted.first(noised.noisy), fitted.second(noised.noisy)
    both, span = (first + second) / 2, target.gaussian.vectors
    inside = [((one - gaussian).flatten(1).to(span) @ span) for one in (first, second)]
    return {
        "distance": squared_norm(denoised - both),
        "linear_gaussian": squared_norm(both - gaussian),
        "nonlinear": inner_product(denoised - first, denoised - second),
        "mismatch": inner_product(first - gaussian, second - gaussian),
        "mismatch_inside": inner_product(*inside),
        "gaussian_spread": squared_norm(gaussian - target.mean),
    }


def _fit_error(affine: Callable[[Tensor], Tensor], noised: NoisedBatch, denoised: Tensor) -> dict[str, float]:
    """Return the mean squared error of a map on fresh noise, and the spread of the denoiser's outputs."""
    return {
        "fit_gap": float(squared_norm(denoised - affine(noised.noisy)).mean()),
        "fit_spread": float(squared_norm(denoised - denoised.mean(0)).mean()),
    }


def _component_rows(target: Target, noised: NoisedBatch, fitted: Distilled) -> Iterator[pd.DataFrame]:
    """Yield gains and singular values by component, and subspace overlaps by rank."""
    weights, vectors = (fitted.first.weight, fitted.second.weight), target.gaussian.vectors
    gains = target.gaussian.values / (target.gaussian.values + noised.sigma**2)
    values, overlaps = singular_quantities(*weights, vectors)
    for name, numbers in {**component_quantities(*weights, vectors, gains), "singular_value": values}.items():
        yield _by_component(target, noised, name, numbers)
    for rank, quantities in overlaps.items():
        yield noised.overall_rows(
            target.id, quantities, reference_id=f"{target.id}/linear", parameter="rank", at=float(rank)
        )


def _by_component(target: Target, noised: NoisedBatch, quantity: str, values: Tensor) -> pd.DataFrame:
    """Return shard rows of a quantity with one number for each component."""
    numbers, at = values.cpu().numpy(), np.arange(1.0, len(values) + 1)
    linear = f"{target.id}/linear"
    return noised.overall_rows(target.id, {quantity: numbers}, reference_id=linear, parameter="component", at=at)
