"""What is measured of distilled maps: entry by entry, component by component, and image by image on fresh noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

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

PICTURES = 8  # singular vectors that are kept as pictures
SINGLE = ("weight_gap", "gaussian_weight", "linear_weight", "asymmetry")  # what takes one fit, not two


def distillation_rows(
    subject: Target,
    noised: NoisedBatch,
    denoised: Tensor,
    fit: Fit,
    settings: Distillation,
    kept: dict[str, Tensor] | None = None,
) -> Iterator[pd.DataFrame]:
    """Fit linear maps to one level and yield the shard rows of what was found.

    Parameters
    ----------
    subject : Target
    noised : NoisedBatch
        Fresh noise on which the maps are judged.
    denoised : Tensor of shape (batch, channels, height, width)
        The denoiser's output on it.
    fit : Fit
    settings : Distillation
        Whether to descend as well.
    kept : dict, optional
        Takes the pictures of the descent, see :func:`vectors`.
    """
    rows, linear = gaussian_rows(subject.gaussian, noised.sigma), {"reference_id": f"{subject.id}/linear"}
    fitted = None
    for fitted in distil(subject.denoiser, fit, noised.sigma, subject.gaussian):
        first, second = fitted.first, fitted.second
        values = weight_quantities(first.weight, second.weight, rows) | fitted.stein.quantities(first, second, rows)
        values |= _fit_error(fitted, noised, denoised)
        yield noised.sums(subject.id, values, **linear, parameter="draws", at=float(fitted.draws))
    assert fitted is not None  # a fit of at least one milestone
    yield from _components(subject, noised, fitted)
    yield noised.rows(subject.id, linear_quantities(fitted, noised, denoised, subject), **linear)
    if settings.solver == "adam" and noised.inputs != "train":
        yield from _descent(subject, noised, denoised, fit, settings, kept)


def _descent(
    subject: Target,
    noised: NoisedBatch,
    denoised: Tensor,
    fit: Fit,
    settings: Distillation,
    kept: dict[str, Tensor] | None,
) -> Iterator[pd.DataFrame]:
    """Yield what is found of the map by epochs, and the singular values of the last one."""
    rows, linear = gaussian_rows(subject.gaussian, noised.sigma), {"reference_id": f"{subject.id}/linear"}
    descent = replace(fit, purpose=f"distillation/adam/{noised.inputs}")
    *_, last = epochs = gradient_descent.recorded(settings.adam.epochs)
    shown = {epochs[1], epochs[(len(epochs) + 1) // 2], last} if kept is not None else set()
    pictures: dict[int, Tensor] = {}
    for map_ in gradient_descent.descend(subject.denoiser, descent, noised.sigma, settings.adam):
        found = weight_quantities(map_.weight, map_.weight, rows)
        values = {name: found[name] for name in SINGLE} | _fit_error(map_, noised, denoised)
        yield noised.sums(subject.id, values, **linear, parameter="epoch", at=float(map_.epoch))
        if map_.epoch in {last, *shown}:
            singular = _singular(map_.weight, subject.gaussian.vectors)
            pictures[map_.epoch] = vectors(singular.left, subject)
    numbers = [{"at": at, "value": value} for at, value in enumerate(singular.values.tolist(), start=1)]
    place: dict[str, Any] = {"id": subject.id, "inputs": noised.inputs, "sigma": noised.sigma, "image": -1, "draw": 0}
    found_values = pd.DataFrame(numbers).astype(float).assign(quantity="descended_value", parameter="component")
    yield found_values.assign(**place, **linear)
    if kept is not None:
        kept["descended"] = torch.stack([pictures[epoch] for epoch in sorted(shown)])
        kept["descended_epochs"] = torch.tensor(sorted(shown))
        kept["components"] = vectors(subject.gaussian.vectors, subject)


def _singular(weight: Tensor, start: Tensor) -> SingularTriplets:
    count = min(LEADING, len(weight))
    return leading_triplets(
        lambda right: weight @ right, lambda left: weight.T @ left, pad_basis(start.to(weight), count), count
    )


def vectors(left: Tensor, subject: Target) -> Tensor:
    """Return the first singular vectors as pictures of unit mean square, turned towards the principal components.

    Parameters
    ----------
    left : Tensor of shape (d, k)
        Orthonormal columns.

    Returns
    -------
    Tensor of shape (up to 8, channels, height, width), float16
    """
    own = subject.gaussian.vectors[:, :PICTURES].to(left)
    chosen = left[:, : own.shape[1]]
    sign = torch.where((chosen * own).sum(0) < 0, -1.0, 1.0)
    pictures: Tensor = (chosen * sign * len(left) ** 0.5).T.reshape(-1, *subject.mean.shape)
    return pictures.half()


def linear_quantities(fitted: Distilled, noised: NoisedBatch, denoised: Tensor, subject: Target) -> dict[str, Tensor]:
    """Return distances to and of the distilled map on noisy images that it was not fitted to.

    Products of two independent fits L1 and L2 are unbiased for the squared distances of the map that infinitely many
    pairs would give; the distances themselves are larger by the noise of the fit.

    Returns
    -------
    dict of Tensor of shape (batch,)
        ``distance`` |D - D_L|^2 and ``linear_gaussian`` |D_L - D_G|^2 of the mean D_L of both fits; ``nonlinear``
        <D - L1, D - L2>, ``mismatch`` <L1 - D_G, L2 - D_G>, ``mismatch_inside`` the same in the span of the training
        images, out of which D_G never leads; ``gaussian_spread`` |D_G - mu|^2.
    """
    gaussian = subject.gaussian(noised.noisy, noised.sigma)
    first, second = fitted.first(noised.noisy), fitted.second(noised.noisy)
    both, span = (first + second) / 2, subject.gaussian.vectors
    inside = [((one - gaussian).flatten(1).to(span) @ span) for one in (first, second)]
    return {
        "distance": squared_norm(denoised - both),
        "linear_gaussian": squared_norm(both - gaussian),
        "nonlinear": inner_product(denoised - first, denoised - second),
        "mismatch": inner_product(first - gaussian, second - gaussian),
        "mismatch_inside": inner_product(*inside),
        "gaussian_spread": squared_norm(gaussian - subject.mean),
    }


def _fit_error(affine: Callable[[Tensor], Tensor], noised: NoisedBatch, denoised: Tensor) -> dict[str, float]:
    """Return the mean squared error of a map on fresh noise, and the spread of what it is fitted to."""
    return {
        "fit_gap": float(squared_norm(denoised - affine(noised.noisy)).mean()),
        "fit_spread": float(squared_norm(denoised - denoised.mean(0)).mean()),
    }


def _components(subject: Target, noised: NoisedBatch, fitted: Distilled) -> Iterator[pd.DataFrame]:
    """Yield gains and singular values by component, and subspace overlaps by rank."""
    weights, vectors = (fitted.first.weight, fitted.second.weight), subject.gaussian.vectors
    gains = subject.gaussian.values / (subject.gaussian.values + noised.sigma**2)
    values, overlaps = singular_quantities(*weights, vectors)
    columns = {**component_quantities(*weights, vectors, gains), "singular_value": values}
    frames = [
        pd.DataFrame({"at": np.arange(1.0, len(numbers) + 1), "quantity": name, "value": numbers.cpu().numpy()})
        for name, numbers in columns.items()
    ]
    linear = f"{subject.id}/linear"
    place: dict[str, Any] = {
        "id": subject.id,
        "reference_id": linear,
        "inputs": noised.inputs,
        "sigma": noised.sigma,
        "image": -1,
        "draw": 0,
    }
    yield pd.concat(frames, ignore_index=True).assign(**place, parameter="component")
    for rank, found in overlaps.items():
        yield noised.sums(subject.id, found, reference_id=linear, parameter="rank", at=float(rank))
