"""The error of a solver in the amplitude of each principal component of a Gaussian, in closed form."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hidden_gaussian.cells import Subset
from hidden_gaussian.noise_schedule import SIGMA_MAX, SOLVERS, sampler_levels
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import TEXT, Column, Table

Array = NDArray[np.float64]
TABLE = Table(
    "sampler_error",
    "what a sampler does to each principal component of the Gaussian of a subset, in closed form",
    (
        Column("dataset", TEXT, "name of the dataset in the settings"),
        Column("subset_size", pa.int64(), "number of training images"),
        Column("half", TEXT, "end of the permutation that the subset was taken from: a or b"),
        Column("sampler", TEXT, "solver; exact: the closed form, whose error is that of a finite start alone"),
        Column("sigma_max", pa.float64(), "noise level that the sampler starts at"),
        Column(
            "component", pa.int64(), "principal component, from 1; null: all together, roots of sums of squares", True
        ),
        Column("std", pa.float64(), "standard deviation of the images along the component"),
        Column("amplitude", pa.float64(), "standard deviation of the samples along the component"),
        Column("mean_error", pa.float64(), "mean of the samples less the mean of the images, along the component"),
        Column("distance", pa.float64(), "Wasserstein distance between the distributions of samples and images"),
    ),
    ("sampler", "sigma_max", "component"),
)
STARTS = (5.0, 20.0, SIGMA_MAX, 320.0)
COMPONENTS = 64


def gains(eigenvalues: Array, sampler: str, sigma_max: float = SIGMA_MAX) -> Array:
    """Return the factor by which a sampler multiplies centred latents along each principal component.

    Along a component of variance l the probability-flow ODE of the Gaussian denoiser is dc/ds = s c / (l + s^2). It is
    linear, so each step of a solver multiplies c by a number.

    Parameters
    ----------
    eigenvalues : ndarray of shape (k,)
        Variances l; 0 for directions without variance.
    sampler : str
        One of :data:`hidden_gaussian.noise_schedule.SOLVERS`, or ``exact``: sqrt(l / (l + sigma_max^2)), Li et al.
        eq. (7).
    sigma_max : float
        Noise level that the sampler starts at.

    Returns
    -------
    ndarray of shape (k,)
    """
    values = np.asarray(eigenvalues, dtype=np.float64)
    if sampler == "exact":
        exact: Array = np.sqrt(values / (values + sigma_max**2))
        return exact
    gain = np.ones_like(values)
    for sigma, following in pairwise(sampler_levels(sampler, sigma_max)):
        slope = sigma / (values + sigma**2)
        factor = 1 + (following - sigma) * slope
        if SOLVERS[sampler][0] == "heun" and following > 0:
            corrected = following / (values + following**2) * factor
            factor = 1 + (following - sigma) * (slope + corrected) / 2
        gain *= factor
    return gain


def table(dataset: str, subset: str, spectrum: Spectrum) -> pd.DataFrame:
    """Return the error of every sampler from several starts, with the columns of :data:`TABLE`.

    The samples of a linear sampler are Gaussian in the same principal components. So their squared Wasserstein distance
    to N(mu, Sigma) is the sum of (amplitude - std)^2 and of the squared errors of the mean (Pierret and Galerne 2024).
    The rows of ``exact`` have no error of a solver, only the error of a finite first noise level.

    Parameters
    ----------
    dataset : str
        Name of the dataset.
    subset : str
        Id of the subset, such as ``n64a``.
    spectrum : Spectrum
        Of the subset.
    """
    rows = [_of(spectrum, sampler, start) for start in STARTS for sampler in (*SOLVERS, "exact")]
    together = pd.concat(rows, ignore_index=True)
    parsed = Subset.parse(subset)
    return together.assign(dataset=dataset, subset_size=parsed.size, half=parsed.half)


def _of(spectrum: Spectrum, sampler: str, start: float) -> pd.DataFrame:
    """Return one row for some components, evenly spaced on a logarithmic axis, and one for all together.

    Directions without variance need no row: the last step of every sampler, to noise level 0, ends at the mean there.
    """
    gain = gains(spectrum.eigenvalues, sampler, start)
    columns = {
        "std": np.sqrt(spectrum.eigenvalues),
        "amplitude": start * gain,
        "mean_error": -gain * (spectrum.mean @ spectrum.eigenvectors),  # latents are centred on 0, not on the mean
    }
    columns["distance"] = np.hypot(columns["amplitude"] - columns["std"], columns["mean_error"])
    shown = np.unique(np.geomspace(1, max(len(gain), 1), COMPONENTS).round().astype(int))[: len(gain)] - 1
    some = pd.DataFrame({name: values[shown] for name, values in columns.items()}).assign(component=shown + 1)
    together = pd.DataFrame({name: [np.sqrt(np.square(values).sum())] for name, values in columns.items()})
    rows = pd.concat([some, together.assign(component=None)], ignore_index=True)
    return rows.assign(component=rows["component"].astype("Int64"), sampler=sampler, sigma_max=start)
