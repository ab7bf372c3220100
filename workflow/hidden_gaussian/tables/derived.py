"""Shard rows that follow from files of other kinds: trajectories, and closed forms of the solvers' errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gaussian.cells import Subset
from hidden_gaussian.metrics import agreement_quantities
from hidden_gaussian.noise_schedule import SIGMA_MAX, schedule

SAMPLER, STEPS = "euler10", 10
"""The solver whose states are kept; its noise levels are those of the distilled linear maps."""


def outputs_along(states: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a denoiser's outputs at every step of its sampling trajectory, recovered from the states.

    Parameters
    ----------
    states : ndarray of shape (samples, steps + 1, channels, height, width)
        States of the Euler sampler, from the noisiest level to the sample.

    Returns
    -------
    ndarray of shape (samples, steps, channels, height, width)
        D(x_i; s_i) = (x_{i+1} - r x_i) / (1 - r) with r = s_{i+1} / s_i (Li et al. eq. 4 solved for D).

    Examples
    --------
    >>> outputs_along(np.zeros((1, 11, 1, 2, 2))).shape
    (1, 10, 1, 2, 2)
    """
    sigmas = np.append(schedule(STEPS), 0.0)
    share = (sigmas[1:] / sigmas[:-1]).reshape(-1, 1, 1, 1)
    exact = np.asarray(states, np.float64)
    outputs: NDArray[np.float64] = (exact[:, 1:] - share * exact[:, :-1]) / (1 - share)
    return outputs


def trajectory_agreement(
    identifier: str, states: Mapping[str, NDArray[np.floating]], mean: NDArray[np.float64]
) -> pd.DataFrame:
    """Return how alike outputs from the same latents are, level by level, as shard rows.

    Parameters
    ----------
    identifier : str
        The denoiser that the others are compared with; also with itself from other latents (``shift``).
    states : mapping of str to ndarray of shape (samples, steps + 1, channels, height, width)
        States of the Euler sampler by id.
    mean : ndarray of shape (pixels,)
        Mean image of the largest subset, which is subtracted.

    Examples
    --------
    >>> states = {name: np.ones((2, 11, 1, 1, 1)) for name in ("n8a/ve16r1/i64", "n8a/gaussian")}
    >>> rows = trajectory_agreement("n8a/ve16r1/i64", states, np.zeros(1))
    >>> rows.loc[rows["quantity"] == "gap", "value"].max()
    np.float64(0.0)
    """
    outputs = {name: outputs_along(of) for name, of in states.items()}
    own = outputs.pop(identifier)
    frames = [_compared(identifier, own, other, mean, reference_id=name) for name, other in outputs.items()]
    shifted = np.roll(own, -1, axis=0)
    frames.append(_compared(identifier, own, shifted, mean, reference_id=identifier, parameter="shift", at=1.0))
    return pd.concat(frames, ignore_index=True)


def sample_agreement(
    sets: Mapping[tuple[str, str], NDArray[np.floating]], mean: NDArray[np.float64]
) -> Iterator[pd.DataFrame]:
    """Yield how alike sample sets of the same latents are, as shard rows.

    Parameters
    ----------
    sets : mapping of (id, solver) to ndarray of shape (samples, channels, height, width)
        A network's samples first. The same network with another solver is compared with them, its distilled map with
        the network's samples of the same solver, and they with each other denoiser.
    mean : ndarray of shape (pixels,)
        Mean image of the largest subset, which is subtracted.

    Examples
    --------
    >>> sets = {("n8a/ve16r1/i64", "heun18"): np.ones((2, 1, 1, 1)), ("n8a/empirical", "heun18"): np.ones((2, 1, 1, 1))}
    >>> [rows["reference_id"].unique().tolist() for rows in sample_agreement(sets, np.zeros(1))]
    [['n8a/empirical']]
    """
    (network, solver), own = next(iter(sets.items()))
    for (name, sampler), samples in sets.items():
        if name == f"{network}/linear":
            yield _agreement_rows(name, samples, sets[network, sampler], mean, reference_id=network, sampler=sampler)
        elif name == network and sampler != solver:
            reference = f"{network}/{solver}"
            yield _agreement_rows(name, samples, own, mean, reference_id=reference, sampler=sampler)
        elif name != network:
            reference = name if sampler == solver else f"{name}/{sampler}"
            yield _agreement_rows(network, own, samples, mean, reference_id=reference, sampler=solver)


def _agreement_rows(
    identifier: str,
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    mean: NDArray[np.float64],
    **where: str,
) -> pd.DataFrame:
    a, b = (np.asarray(samples, np.float64).reshape(len(samples), -1) for samples in (first, second))
    wide = pd.DataFrame(agreement_quantities(a, b, mean)).rename_axis("image").reset_index()
    rows = wide.melt("image", var_name="quantity")
    return rows.assign(id=identifier, sigma=np.nan, draw=0, **where)


def _compared(
    identifier: str,
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    mean: NDArray[np.float64],
    **where: str | float,
) -> pd.DataFrame:
    frames = []
    for step, sigma in enumerate(schedule(STEPS)):
        a, b = (outputs[:, step].reshape(len(outputs), -1) for outputs in (first, second))
        quantities = agreement_quantities(a, b, mean)
        wide = pd.DataFrame(quantities).rename_axis("image").reset_index()
        frames.append(wide.melt("image", var_name="quantity").assign(sigma=float(sigma)))
    return pd.concat(frames).assign(id=identifier, inputs="trajectory", sampler=SAMPLER, draw=0, **where)


def solver_rows(errors: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the amplitudes of components and the distance of all of them, by solver, as shard rows.

    Parameters
    ----------
    errors : DataFrame
        With the columns of ``sampling.solver_error.TABLE``.

    Examples
    --------
    >>> columns = {"subset_size": [8], "half": "a", "sampler": "heun18", "sigma_max": 80.0, "std": 2.0}
    >>> errors = pd.DataFrame(columns | {"amplitude": 1.9, "distance": 0.1, "component": pd.array([1], dtype="Int64")})
    >>> [rows["value"].tolist() for rows in solver_rows(errors) if len(rows)]
    [[1.9], [2.0]]
    """
    whole = errors[errors["component"].isna()]
    whole = whole.assign(parameter="sigma_max", at=whole["sigma_max"])
    own = errors[errors["component"].notna() & (errors["sigma_max"] == SIGMA_MAX)]
    parts = own.assign(parameter="component", at=own["component"].astype(float))
    for rows, quantity, column in ((whole, "wasserstein", "distance"), (parts, "amplitude", "amplitude")):
        keys = zip(rows["subset_size"], rows["half"], strict=True)
        subset = pd.Series([Subset(*key).id for key in keys], rows.index, dtype=str)
        places = rows[["sampler", "parameter", "at"]].assign(id=subset + "/gaussian", reference_id=subset)
        for name, values in ((quantity, rows[column]), ("std", rows["std"])):
            yield places.assign(image=-1, draw=0, sigma=np.nan, quantity=name, value=values)
