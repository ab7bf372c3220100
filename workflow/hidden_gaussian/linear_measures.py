"""What is measured of distilled maps: entry by entry, component by component, and image by image on fresh noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from hidden_gaussian import adam_distillation, distillation
from hidden_gaussian.distillation import Distilled, Fit, gaussian_rows
from hidden_gaussian.measuring import Distillation
from hidden_gaussian.metrics.distance import inner, squared
from hidden_gaussian.metrics.weights import component_quantities, singular_quantities, weight_quantities
from hidden_gaussian.passes import Pass, Subject

SINGLE = ("weight_gap", "gaussian_weight", "linear_weight", "asymmetry")  # what takes one fit, not two


def distillation_rows(
    subject: Subject, noised: Pass, denoised: Tensor, fit: Fit, settings: Distillation
) -> Iterator[pd.DataFrame]:
    """Fit linear maps to one level and yield the shard rows of what was found.

    Parameters
    ----------
    subject : Subject
    noised : Pass
        Fresh noise on which the maps are judged.
    denoised : Tensor of shape (batch, channels, height, width)
        The denoiser's output on it.
    fit : Fit
    settings : Distillation
        Whether to descend as well.
    """
    rows, linear = gaussian_rows(subject.gaussian, noised.sigma), {"reference_id": f"{subject.id}/linear"}
    fitted = None
    for fitted in distillation.distil(subject.denoiser, fit, noised.sigma, subject.gaussian):
        first, second = fitted.first, fitted.second
        values = weight_quantities(first.weight, second.weight, rows) | fitted.stein.quantities(first, second, rows)
        values |= _fit_error(fitted, noised, denoised)
        yield noised.sums(subject.id, values, **linear, parameter="draws", at=float(fitted.draws))
    assert fitted is not None  # a fit of at least one milestone
    yield from _components(subject, noised, fitted)
    yield noised.rows(subject.id, linear_quantities(fitted, noised, denoised, subject), **linear)
    if settings.solver == "adam" and noised.inputs != "train":
        descent = replace(fit, purpose=f"distillation/adam/{noised.inputs}")
        for map_ in adam_distillation.descend(subject.denoiser, descent, noised.sigma, settings.adam):
            found = weight_quantities(map_.weight, map_.weight, rows)
            values = {name: found[name] for name in SINGLE} | _fit_error(map_, noised, denoised)
            yield noised.sums(subject.id, values, **linear, parameter="epoch", at=float(map_.epoch))


def linear_quantities(fitted: Distilled, noised: Pass, denoised: Tensor, subject: Subject) -> dict[str, Tensor]:
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
        "distance": squared(denoised - both),
        "linear_gaussian": squared(both - gaussian),
        "nonlinear": inner(denoised - first, denoised - second),
        "mismatch": inner(first - gaussian, second - gaussian),
        "mismatch_inside": inner(*inside),
        "gaussian_spread": squared(gaussian - subject.mean),
    }


def _fit_error(affine: Callable[[Tensor], Tensor], noised: Pass, denoised: Tensor) -> dict[str, float]:
    """Return the mean squared error of a map on fresh noise, and the spread of what it is fitted to."""
    return {
        "fit_gap": float(squared(denoised - affine(noised.noisy)).mean()),
        "fit_spread": float(squared(denoised - denoised.mean(0)).mean()),
    }


def _components(subject: Subject, noised: Pass, fitted: Distilled) -> Iterator[pd.DataFrame]:
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
