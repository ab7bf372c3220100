"""Closed-form gains against the samplers themselves, and the distance of laws against the textbook formula."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers import GaussianDenoiser
from hidden_gaussian.sampling import solver_error, solvers
from hidden_gaussian.storage import parquet

SPECTRUM = spectrum.fit(np.random.default_rng(0).integers(0, 256, (200, 1, 3, 3), dtype=np.uint8))


@pytest.mark.parametrize("sampler", ["euler10", "heun18", "heun40", "exact"])
def test_gains_are_those_of_the_sampler(sampler: str) -> None:
    gaussian = GaussianDenoiser(SPECTRUM, dtype=torch.float64)
    start = solvers.latents(range(2), (1, 3, 3), seed=0)
    drawn = solvers.draw(gaussian, start, sampler).flatten(1).double().numpy() - SPECTRUM.mean
    centred = start.flatten(1).double().numpy() - SPECTRUM.mean
    gain = solver_error.gains(SPECTRUM.eigenvalues, sampler)
    expected = centred @ SPECTRUM.eigenvectors * gain @ SPECTRUM.eigenvectors.T
    np.testing.assert_allclose(drawn, expected, atol=2e-5)


def test_ten_euler_steps_lose_a_quarter_of_the_amplitude() -> None:
    """Known numbers: 0.71, 0.75 and 0.79 of the exact gain for variances 0.1, 1 and 10."""
    values = np.array([0.1, 1, 10])
    ratio = solver_error.gains(values, "euler10") / solver_error.gains(values, "exact")
    np.testing.assert_allclose(ratio, [0.71, 0.75, 0.79], atol=0.006)


def test_directions_without_variance_end_at_the_mean() -> None:
    for sampler in ("euler10", "heun18", "heun40", "exact"):
        assert solver_error.gains(np.zeros(1), sampler)[0] == pytest.approx(0, abs=1e-18)


def test_distance_is_that_of_two_gaussians(tmp_path: Path) -> None:
    made = solver_error.table("toy", "n200a", SPECTRUM)
    parquet.write_table(tmp_path / "sampler_error.parquet", made, solver_error.TABLE)
    made = parquet.read_table(tmp_path / "sampler_error.parquet", solver_error.TABLE)
    whole = made[made["component"].isna()].set_index(["sampler", "sigma_max"])["distance"]
    vectors, values = SPECTRUM.eigenvectors, SPECTRUM.eigenvalues
    for sampler, start in [("euler10", 80.0), ("heun18", 20.0), ("exact", 5.0)]:
        gain = (vectors * solver_error.gains(values, sampler, start)) @ vectors.T
        covariance, samples = (vectors * values) @ vectors.T, start**2 * gain @ gain
        root = sqrtm(covariance)
        square = np.square(gain @ SPECTRUM.mean).sum() + np.trace(
            covariance + samples - 2 * sqrtm(root @ samples @ root).real
        )
        assert whole[sampler, start] == pytest.approx(np.sqrt(square), rel=1e-6)
    exact = whole.xs("exact").sort_index()
    assert (np.diff(exact) < 0).all()
    assert exact[5.0] > 50 * exact[320.0]


def test_the_table_has_some_of_many_components() -> None:
    """Each component has its own numbers, beside a row for all; of few components all are in the table."""
    assert len(solver_error.table("toy", "n200a", SPECTRUM)) == 16 * (len(SPECTRUM.eigenvalues) + 1)
    values, mean = np.geomspace(10, 1e-3, 300), np.linspace(-1, 1, 300)
    made = solver_error.table("toy", "n301a", spectrum.Spectrum(mean, values, np.eye(300), 301))
    rows = made[(made["sampler"] == "exact") & (made["sigma_max"] == 20)]
    some, whole = rows.dropna(subset=["component"]), rows[rows["component"].isna()].iloc[0]
    at = some["component"].to_numpy(int) - 1
    assert 1 < len(at) < 300
    assert {0, 299} <= set(at)
    gain = np.sqrt(values / (values + 20**2))
    np.testing.assert_allclose(some["std"], np.sqrt(values[at]))
    np.testing.assert_allclose(some["amplitude"], 20 * gain[at])
    np.testing.assert_allclose(some["mean_error"], -gain[at] * mean[at])
    assert whole["std"] == pytest.approx(np.sqrt(values.sum()))
