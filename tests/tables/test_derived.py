"""Rows that follow from trajectories, and from the closed form of a solver's error."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from hidden_gaussian.noise_schedule import SIGMA_MAX, schedule
from hidden_gaussian.tables import Measurements, outputs_along, sample_agreement, solver_rows, trajectory_agreement

SHAPE = (5, 11, 1, 2, 3)
LEVELS = np.append(schedule(10), 0.0)


def states(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs drawn at random, and the states that Euler's steps of dx/ds = (x - D) / s make of them."""
    generator = np.random.default_rng(seed)
    outputs = generator.normal(size=(5, 10, 1, 2, 3))
    along = [SIGMA_MAX * np.random.default_rng(0).normal(size=(5, 1, 2, 3))]
    for step, (sigma, following) in enumerate(pairwise(LEVELS)):
        along.append(along[-1] + (following - sigma) * (along[-1] - outputs[:, step]) / sigma)
    return outputs, np.stack(along, axis=1)


def test_outputs_are_recovered_from_the_states() -> None:
    outputs, along = states(1)
    assert along.shape == SHAPE
    np.testing.assert_allclose(outputs_along(along), outputs, atol=1e-9)


def test_outputs_of_the_same_latents_are_correlated_level_by_level() -> None:
    (first, own), (second, other) = states(1), states(2)
    mean = np.full(6, 0.25)
    names = {"n8a/ve16r1/i64": own, "n8a/gaussian": other}
    held = Measurements([trajectory_agreement("n8a/ve16r1/i64", names, mean)])
    where = {"inputs": "trajectory", "sampler": "euler10"}
    curve = held.curve("r_c", "n8a/ve16r1/i64", relation="gaussian", **where).set_index("sigma")["value"]
    for step, sigma in enumerate(schedule(10)):
        a, b = (outputs[:, step].reshape(5, -1) - mean for outputs in (first, second))
        expected = (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())
        assert curve[float(sigma)] == pytest.approx(expected, abs=1e-7)
    shifted = held.curve("r_c", "n8a/ve16r1/i64", relation="itself", parameter="shift", **where)
    a, b = first[:, 0].reshape(5, -1) - mean, np.roll(first[:, 0], -1, axis=0).reshape(5, -1) - mean
    expected = (a * b).sum() / (a * a).sum()
    assert shifted["value"].iloc[-1] == pytest.approx(expected, abs=1e-7)


def test_errors_of_solvers_are_relative_to_the_images() -> None:
    errors = pd.DataFrame(
        {
            "subset_size": 8,
            "half": "a",
            "sampler": "heun18",
            "sigma_max": [SIGMA_MAX, SIGMA_MAX, SIGMA_MAX, 5.0, 5.0],
            "component": pd.array([1, 2, None, 1, None], dtype="Int64"),
            "std": [2.0, 1.0, 2.5, 2.0, 2.5],
            "amplitude": [1.9, 0.8, 2.2, 1.0, 1.5],
            "distance": [0.1, 0.2, 0.5, 1.0, 1.25],
        }
    )
    held = Measurements(solver_rows(errors))
    amplitude = held.profile("amplitude_ratio", ["n8a/gaussian"], sampler="heun18")
    np.testing.assert_allclose(amplitude.values[:, 0], [0.95, 0.8])
    np.testing.assert_array_equal(amplitude.sigma, [1, 2])
    distance = held.profile("wasserstein_ratio", ["n8a/gaussian"], sampler="heun18")
    np.testing.assert_allclose(distance.values[:, 0], [0.5, 0.2])
    np.testing.assert_array_equal(distance.sigma, [5, SIGMA_MAX])


def test_sample_sets_are_compared_with_the_networks() -> None:
    generator = np.random.default_rng(3)
    names = [("n8a/ve16r1/i64", "heun18"), ("n8a/ve16r1/i64", "euler10"), ("n8a/ve16r1/i64/linear", "euler10")]
    sets = {name: generator.normal(size=(6, 1, 2, 2)) for name in [*names, ("n8a/empirical", "heun18")]}
    mean = np.full(4, 0.5)
    held = Measurements(sample_agreement(sets, mean))
    for identifier, sampler, relation, pair in (
        ("n8a/ve16r1/i64", "euler10", "heun18", (names[1], names[0])),
        ("n8a/ve16r1/i64/linear", "euler10", "own network", (names[2], names[1])),
        ("n8a/ve16r1/i64", "heun18", "empirical", (names[0], ("n8a/empirical", "heun18"))),
    ):
        a, b = ((sets[name].reshape(6, -1) - mean).ravel() for name in pair)
        found = held.curve("r_c", identifier, sampler=sampler, relation=relation)["value"].item()
        assert found == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
