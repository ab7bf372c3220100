"""Agreement of sample sets by direct formulas, and its closed form against samples."""

import numpy as np
import pandas as pd
import pytest
import torch

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers import GaussianDenoiser
from hidden_gaussian.metrics.agreement import agreement_quantities, expected_agreement
from hidden_gaussian.sampling import solvers
from hidden_gaussian.sampling.sample_sets import agreement_rows, expected_rows
from hidden_gaussian.tables import Measurements

GENERATOR = np.random.default_rng(0)
FIELD = GENERATOR.normal(size=(16, 16))


def images(seed: int, count: int = 12) -> np.ndarray:
    """Images that share a covariance and a mean, fewer than they have pixels."""
    generator = np.random.default_rng(seed)
    pixels = 90 + 40 * FIELD[0] + 20 * generator.normal(size=(count, 16)) @ FIELD
    return pixels.clip(0, 255).astype(np.uint8).reshape(count, 1, 4, 4)


@pytest.fixture(scope="module")
def pair() -> tuple[spectrum.Spectrum, spectrum.Spectrum]:
    return spectrum.fit(images(1)), spectrum.fit(images(2))


def drawn(of: spectrum.Spectrum, count: int) -> np.ndarray:
    latents = 80 * torch.randn(count, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return GaussianDenoiser(of, dtype=torch.float64).flow(latents, 80.0, 0.0).flatten(1).numpy()


def test_quantities_give_correlations() -> None:
    first, second = GENERATOR.normal(size=(2, 6, 20))
    found = agreement_quantities(first, second, np.zeros(20))
    pearson = found["pearson_inner"] / np.sqrt(found["pearson_norm_a"] * found["pearson_norm_b"])
    np.testing.assert_allclose(pearson, [np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)])
    np.testing.assert_allclose(found["gap"], found["norm_a"] + found["norm_b"] - 2 * found["inner"])
    cosine = found["cosine_inner"] / np.sqrt(found["cosine_norm_a"] * found["cosine_norm_b"])
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    np.testing.assert_allclose(cosine, (first * second).sum(1) / lengths)


def test_expectations_are_those_of_samples(pair: tuple[spectrum.Spectrum, spectrum.Spectrum]) -> None:
    count = 40_000
    sampled = agreement_quantities(drawn(pair[0], count), drawn(pair[1], count), pair[0].mean)
    expected = expected_agreement(*pair, pair[0].mean)
    assert set(expected) == {f"expected_{name}" for name in sampled}
    for name, values in sampled.items():
        error = values.std() / np.sqrt(count)
        assert expected[f"expected_{name}"] == pytest.approx(values.mean(), abs=4.5 * error), name


def test_expected_distance_by_dense_matrices(pair: tuple[spectrum.Spectrum, spectrum.Spectrum]) -> None:
    maps, centres = [], []
    for one in pair:
        covariance = (one.eigenvectors * one.eigenvalues) @ one.eigenvectors.T
        values, vectors = np.linalg.eigh(covariance)
        amplitude = np.sqrt(values.clip(0) / (values.clip(0) + 6400))
        maps.append((vectors * amplitude) @ vectors.T)
        centres.append(one.mean - maps[-1] @ one.mean)
    square = np.square(centres[0] - centres[1]).sum() + 6400 * np.square(maps[0] - maps[1]).sum()
    assert expected_agreement(*pair, pair[0].mean)["expected_gap"] == pytest.approx(square)


def test_a_gaussian_agrees_with_itself(pair: tuple[spectrum.Spectrum, spectrum.Spectrum]) -> None:
    expected = expected_agreement(pair[0], pair[0], pair[1].mean)
    assert expected["expected_gap"] == pytest.approx(0, abs=1e-9)
    assert expected["expected_pearson_inner"] == pytest.approx(expected["expected_pearson_norm_b"])


def test_tables_hold_the_estimate_and_its_expectation(pair: tuple[spectrum.Spectrum, spectrum.Spectrum]) -> None:
    names, mean = ("n12a/gaussian", "n12b/gaussian"), pair[0].mean
    first, second = (drawn(one, 4000).reshape(-1, 1, 4, 4) for one in pair)
    rows = agreement_rows(names[0], first, {names[1]: second}, mean, sampler="exact")
    closed = expected_rows(names[0], dict(zip(names, pair, strict=True)), mean, "exact")
    results = Measurements([pd.concat([rows, closed]).assign(**dict.fromkeys(("inputs", "sigma"), np.nan), draw=0)], 16)
    for metric in ("r_c", "pearson", "cosine_similarity", "pixel_distance"):
        sampled = results.curve(metric, names[0], reference_id=names[1]).iloc[0]
        expected = results.curve(f"{metric}_expected", names[0], reference_id=names[1]).iloc[0]
        assert sampled["low"] - 0.003 < expected["value"] < sampled["high"] + 0.003, metric
        assert np.isnan(expected["low"])


def test_a_network_that_is_its_gaussian_agrees_with_it_by_the_same_solver(pair: tuple[spectrum.Spectrum, ...]) -> None:
    """Compared with the exact solution, the error of the solver looks like disagreement."""
    network, latents = GaussianDenoiser(pair[0]), solvers.latents(range(64), (1, 4, 4), seed=0)
    sets = {
        "n12a/gaussian": solvers.draw(network, latents, "heun18"),
        "n12a/gaussian/exact": solvers.draw(network, latents, "exact"),
    }
    drawn_so = {name: samples.numpy() for name, samples in sets.items()}
    rows = agreement_rows("n12a/x", drawn_so["n12a/gaussian"], drawn_so, pair[0].mean, sampler="heun18")
    results = Measurements([rows.assign(**dict.fromkeys(("inputs", "sigma"), np.nan))], 16)
    same, exact = (
        results.curve("r_c", "n12a/x", reference_id=name)["value"].item()
        for name in ("n12a/gaussian", "n12a/gaussian/exact")
    )
    assert exact < 1 - 1e-7
    assert same == pytest.approx(1, abs=1e-12)


def test_what_the_closed_form_expects_is_no_latent(pair: tuple[spectrum.Spectrum, spectrum.Spectrum]) -> None:
    first, second = (drawn(one, 40).reshape(-1, 1, 4, 4) for one in pair)
    rows = agreement_rows("n12a/gaussian", first, {"n12b/gaussian": second}, pair[0].mean, sampler="exact")
    names = dict(zip(("n12a/gaussian", "n12b/gaussian"), pair, strict=True))
    closed = expected_rows("n12a/gaussian", names, pair[0].mean, "exact")
    frames = [part.assign(inputs=np.nan, sigma=np.nan) for part in (rows, closed)]
    alone, both = (
        Measurements(some, 16).curve("r_c", "n12a/gaussian", relation="other half") for some in (frames[:1], frames)
    )
    assert len(alone) == 1
    pd.testing.assert_frame_equal(alone, both)


def test_the_null_of_agreement_is_other_latents() -> None:
    first = GENERATOR.normal(size=(5, 1, 2, 2)).astype(np.float32)
    rows = agreement_rows("n12a/x", first, {"n12a/y": first}, np.zeros(4), sampler="heun18")
    null = rows[(rows["reference_id"] == "n12a/x") & (rows["quantity"] == "gap")]
    np.testing.assert_allclose(null["value"], np.square(first - first[[1, 2, 3, 4, 0]]).sum((1, 2, 3)), rtol=1e-6)


def test_latents_have_the_variance_of_the_closed_form() -> None:
    assert solvers.latents(range(2000), (1, 2, 2), seed=0).std() == pytest.approx(80, rel=0.03)
