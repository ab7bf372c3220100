"""Moments and quality of samples against brute force, known distributions and controls."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm

from hidden_gaussian import spectrum
from hidden_gaussian.data import splits
from hidden_gaussian.metrics.moments import MomentGaps, ResamplingNull, difference_quantities, radial_power
from hidden_gaussian.metrics.quality import FrechetDistance
from hidden_gaussian.sampling import sample_moments, sample_sets
from hidden_gaussian.settings import FEWEST
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.storage import arrays, parquet
from hidden_gaussian.tables import Measurements

SIDE = 4
MIXING = np.random.default_rng(9).normal(size=(SIDE**2, SIDE**2))


def photographs(count: int, seed: int) -> np.ndarray:
    drawn = 128 + 12 * np.random.default_rng(seed).normal(size=(count, SIDE**2)) @ MIXING
    return drawn.clip(0, 255).astype(np.uint8).reshape(count, 1, SIDE, SIDE)


TRAINING = photographs(300, 1)
SPECTRUM = spectrum.fit(TRAINING)


def flat(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(len(pixels), -1) / 127.5 - 1


def test_gaps_by_brute_force() -> None:
    centred = flat(photographs(9, 2)) - SPECTRUM.mean + 0.1
    gaps = MomentGaps.of(centred, SPECTRUM, "latents")
    pairs = [(a, b) for i, a in enumerate(centred) for j, b in enumerate(centred) if i != j]
    covariance = (SPECTRUM.eigenvectors * SPECTRUM.eigenvalues) @ SPECTRUM.eigenvectors.T
    assert gaps.mean[0] == pytest.approx(np.mean([a @ b for a, b in pairs]))
    deviations = [np.outer(a, a) - covariance for a in centred]
    products = [(deviations[i] * deviations[j]).sum() for i in range(9) for j in range(9) if i != j]
    assert gaps.covariance[0] == pytest.approx(np.mean(products))
    weights = bootstrap.weights(9, "latents")[5]
    shares = np.outer(weights, weights) - np.diag(weights**2)
    assert gaps.mean[5] == pytest.approx((shares * (centred @ centred.T)).sum() / shares.sum())


def test_gaps_of_draws_from_the_training_images_are_zero_on_average() -> None:
    centred, generator = flat(TRAINING) - SPECTRUM.mean, np.random.default_rng(0)
    found = [MomentGaps.of(centred[generator.integers(300, size=40)], SPECTRUM, "latents") for _ in range(200)]
    for name, size in (("mean", SPECTRUM.eigenvalues.sum()), ("covariance", np.square(SPECTRUM.eigenvalues).sum())):
        values = np.array([getattr(one, name)[0] for one in found]) / size
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(200)


def test_null_is_that_of_repeated_draws() -> None:
    generator, pixels = np.random.default_rng(0), flat(TRAINING)
    null = ResamplingNull.of(pixels, 30, np.random.default_rng(1))
    centred = pixels - pixels.mean(0)
    whole = centred.T @ centred / 300
    draws = [centred[generator.integers(300, size=30)] for _ in range(2000)]
    mean = [np.square(draw.mean(0)).sum() for draw in draws]
    covariance = [np.square(draw.T @ draw / 30 - whole).sum() for draw in draws]
    for values, noise, bound in (
        (mean, null.mean_noise, null.mean_null),
        (covariance, null.covariance_noise, null.covariance_null),
    ):
        assert noise == pytest.approx(np.mean(values), rel=0.05)
        assert bound == pytest.approx(np.quantile(values, 0.95), rel=0.1)


def test_kurtosis_of_differences() -> None:
    generator = np.random.default_rng(0)
    for draw, expected in ((generator.normal, 0.0), (generator.laplace, 1.5)):  # a difference halves the excess
        found = difference_quantities(draw(size=(400, 1, 8, 8)))
        kurtosis = found["difference_fourth"].mean() / found["difference_square"].mean() ** 2 - 3
        assert kurtosis == pytest.approx(expected, abs=0.15)


@pytest.mark.parametrize("axis", [0, 1])
def test_differences_are_along_rows_and_columns(axis: int) -> None:
    found = difference_quantities(np.indices((4, 4))[axis][None, None].astype(float))
    assert found["difference_square"].item() == found["difference_fourth"].item() == 0.5


@pytest.mark.parametrize("frequency", [(3, 0), (2, 2)])  # of lengths 3 and 2.83
def test_power_of_one_wave_is_at_its_frequency(frequency: tuple[int, int]) -> None:
    wave = np.cos(2 * np.pi * np.tensordot(frequency, np.indices((8, 8)), 1) / 8) * np.ones((1, 2, 8, 8))
    power = radial_power(wave)[0]
    assert power.shape == (5,)
    assert power[3] == pytest.approx(8**2 * np.square(wave).sum())
    np.testing.assert_allclose(np.delete(power, 3), 0, atol=1e-20)


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    one, two = np.cov(first.T, bias=True), np.cov(second.T, bias=True)
    root = sqrtm(one)
    traces = np.trace(one + two - 2 * sqrtm(root @ two @ root).real)
    return float(np.square(first.mean(0) - second.mean(0)).sum() + traces)


def test_frechet_distance_by_the_textbook() -> None:
    heldout, sample_sets = flat(photographs(80, 3)), 1.4 * flat(photographs(60, 4)) + 0.2
    distance = FrechetDistance(heldout, SPECTRUM)
    plain = distance._plain(sample_sets @ distance.basis, bootstrap.weights(60, "latents"))
    assert plain[0] == pytest.approx(frechet(heldout @ distance.basis, sample_sets @ distance.basis))
    counts = np.rint(bootstrap.weights(60, "latents")[7] * 60).astype(int)
    again = np.repeat(sample_sets, counts, axis=0) @ distance.basis
    assert plain[7] == pytest.approx(frechet(heldout @ distance.basis, again))


def test_frechet_distance_is_corrected_for_the_number_of_samples() -> None:
    distance = FrechetDistance(flat(photographs(4000, 3)), SPECTRUM)
    sample_sets = [flat(photographs(60, seed)) for seed in range(100, 108)]
    corrected = np.mean([distance(one, "latents")[0] for one in sample_sets])
    plain = np.mean([distance._plain(one @ distance.basis, bootstrap.weights(60, "latents"))[0] for one in sample_sets])
    assert abs(corrected) < 0.3 * plain


def test_correction_of_the_frechet_distance_moves_what_is_left_out_with_the_estimate() -> None:
    distance, drawn = FrechetDistance(flat(photographs(80, 3)), SPECTRUM), flat(photographs(60, 4))
    found, start = distance(drawn, "latents"), 1 + bootstrap.RESAMPLES
    plain = distance._plain(drawn @ distance.basis, bootstrap.weights(60, "latents"))
    assert found[1:start].mean() == pytest.approx(found[0])
    np.testing.assert_allclose(found[start:] - found[0], plain[start:] - plain[0], atol=1e-12)


def opened(root: Path, own: int, largest: int) -> sample_moments.MomentReference:
    """The first `own` of 200 training images, with the first `largest` as the largest subset; the rest is held out."""
    arrays.save_array(root / "images.npy", TRAINING)
    splits.save_split(root / "split.safetensors", splits.Split(np.arange(200, 300), np.arange(200)))
    for size in (own, largest):
        arrays.save_array(root / f"n{size}a" / "subset.npy", np.arange(size))
        spectrum.fit(TRAINING[:size]).save(root / f"n{size}a" / "spectrum.safetensors", TRAINING.shape[1:])
    return sample_moments.MomentReference.open(root, f"n{own}a", f"n{largest}a", ["train", "heldout"])


def test_samples_are_measured_against_sizes_and_a_space_that_are_known(tmp_path: Path) -> None:
    drawn = photographs(40, 5) / 127.5 - 1
    found = opened(tmp_path, 10, 200).rows("n10a/x", drawn, "heun18", seed=0)
    first = found[(found["draw"] == 0) & (found["image"] == -1)].set_index("quantity")["value"]
    covariance = np.cov(flat(TRAINING[:10]).T, bias=True)
    assert first["mean_norm"] == pytest.approx(np.trace(covariance))
    assert first["covariance_norm"] == pytest.approx(np.square(covariance).sum())
    distance = FrechetDistance(flat(TRAINING[200:]), spectrum.fit(TRAINING[:200]))
    assert first["frechet"] == pytest.approx(distance(drawn.reshape(40, -1), "latents")[0])
    assert first["frechet_scale"] == pytest.approx(distance.scale)


def test_photographs_are_resampled_apart_from_samples() -> None:
    reference, drawn = sample_moments.MomentReference("n300a", SPECTRUM, TRAINING, None), photographs(40, 5) / 127.5 - 1
    rows = [reference.rows("n300a/x", drawn, sampler, seed=0) for sampler in ("heun18", "photographs")]
    one, two = (found[found["quantity"] == "mean_gap"].set_index("draw")["value"] for found in rows)
    assert one[0] == two[0]
    assert (one[1 : bootstrap.RESAMPLES] != two[1 : bootstrap.RESAMPLES]).mean() > 0.9


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Measurements:
    """Rows of what plays the samples of the subset n60a."""
    root = tmp_path_factory.mktemp("toy")
    reference = opened(root, 60, 200)
    own, generator = spectrum.fit(TRAINING[:60]), np.random.default_rng(5)
    gaussian = own.mean + (generator.normal(size=(100, 16)) * np.sqrt(own.eigenvalues)) @ own.eigenvectors.T
    empirical = flat(TRAINING[generator.integers(60, size=100)])
    white = own.mean + np.sqrt(own.eigenvalues.mean()) * generator.normal(size=(100, 16))
    made = {"n60a/gaussian": gaussian, "n60a/empirical": empirical, "n60a/stationary": white}
    frames = [
        reference.rows(name, sample_sets.reshape(-1, 1, SIDE, SIDE), "heun18", seed=0)
        for name, sample_sets in made.items()
    ]
    frames.append(reference.control_rows(TRAINING[200:] / 127.5 - 1, count=100, seed=0))
    for number, frame in enumerate(frames):
        parquet.write_shard(root / f"{number}.parquet", frame)
    return Measurements([parquet.read_shard(root / f"{number}.parquet") for number in range(len(frames))])


def test_images_too_few_to_resample_have_no_gaps_but_all_else(tmp_path: Path) -> None:
    """A resample that is one image alone has no pairs; the fewest that the settings allow always has some."""
    for count in range(1, 7):
        assert MomentGaps.of(np.ones((count, SIDE**2)), SPECTRUM, "latents") is None
    gaps = MomentGaps.of(flat(photographs(FEWEST, 2)) - SPECTRUM.mean, SPECTRUM, "photographs")
    assert gaps is not None
    assert np.isfinite(gaps.covariance).all()
    pair, heldout = TRAINING[:2], (photographs(FEWEST, 3) / 127.5 - 1).astype(np.float32)
    reference = sample_moments.MomentReference("n2a", spectrum.fit(pair), pair, None)
    rows = reference.control_rows(heldout, count=FEWEST, seed=0)
    parquet.write_shard(tmp_path / "moments.parquet", rows)
    found = rows.groupby("id")["quantity"].unique()
    assert "mean_gap" in found["n2a/heldout"]
    assert "mean_gap" not in found["n2a/train"]
    assert "difference_square" in found["n2a/train"]


def test_copies_are_compared_with_as_many_held_out_photographs(tmp_path: Path) -> None:
    """Both are resampled together, and there are fewer photographs than samples."""
    heldout = (photographs(12, 3) / 127.5 - 1).astype(np.float32)
    shard = tmp_path / "memorisation.parquet"
    parquet.write_shard(shard, sample_sets.control_rows("n60a", heldout, TRAINING[:60], count=50, seed=0))
    results = Measurements([parquet.read_shard(shard)])
    relative = results.curve("gl_relative", "n60a/copies", at=0.01)
    assert set(relative["count"]) == {12}
    assert relative["value"].iloc[0] < 0.5


def test_noise_of_copies_is_in_units_of_the_spread_around_the_mean() -> None:
    """Of two levels the copies are of the same images: their difference has the noise of both."""
    bright = TRAINING // 2 + 120
    spread = np.sqrt(flat(bright).var(0).mean())
    for (low, first), (high, second) in pairwise(sample_sets.noisy_copies(bright, 3000, seed=0)):
        assert (second - first).std() == pytest.approx(np.hypot(low, high) * spread, rel=0.03)


def test_memorisation_is_measured_from_grey_to_the_nearest_two() -> None:
    drawn = (flat(photographs(4, 2)) + 0.3).astype(np.float32)
    rows = sample_sets.memorisation_rows("n300a/x", drawn.reshape(4, 1, SIDE, SIDE), TRAINING, sampler="heun18")
    wide = rows.pivot(index="image", columns="quantity", values="value")
    gaps = np.square(drawn[:, None] - flat(TRAINING)).sum(-1)
    np.testing.assert_allclose(wide[["nearest", "second"]], np.sort(gaps)[:, :2], rtol=1e-5)
    assert wide["nearest_index"].tolist() == gaps.argmin(1).tolist()
    np.testing.assert_allclose(wide["norm"], np.square(drawn).sum(1), rtol=1e-5)
    assert set(rows["reference_id"]) == {"n300a"}


def value(results: Measurements, metric: str, name: str, **where: object) -> pd.Series:
    curve = results.curve(metric, f"n60a/{name}", **where)
    assert len(curve) == 1, (metric, name)
    return curve.iloc[0]


def test_samples_of_the_gaussian_and_copies_keep_both_moments(results: Measurements) -> None:
    for name in ("gaussian", "empirical"):
        for metric in ("mean_ratio", "covariance_ratio"):
            assert value(results, metric, name)["low"] < 1.2
            assert value(results, metric, name)["high"] < 1.7
        assert abs(value(results, "covariance_error", name)["value"]) < 0.3
    assert value(results, "covariance_ratio", "stationary")["low"] > 1.5
    assert value(results, "mean_ratio", "stationary")["high"] < 1.7


def test_the_whole_training_set_has_no_error(results: Measurements) -> None:
    """All 60 images, once each: the unbiased gap is below 0 by exactly their noise."""
    found = value(results, "covariance_ratio", "train")
    assert found["value"] < 0.4
    assert value(results, "component_variance", "train", parameter="component", at=1.0)["value"] == pytest.approx(1)
    assert value(results, "power_ratio", "train", parameter="frequency", at=1.0)["value"] == pytest.approx(1)


def test_quality_tells_photographs_from_white_noise(results: Measurements) -> None:
    found = {name: value(results, "frechet_relative", name) for name in ("gaussian", "stationary", "train", "copies")}
    assert found["stationary"]["low"] > 1.5 * max(found[name]["high"] for name in ("gaussian", "train", "copies"))
    for one in found.values():
        assert one["low"] < one["value"] < one["high"]
    assert results.curve("frechet_relative", "n60a/heldout").empty
    assert not results.curve("difference_kurtosis", "n60a/heldout").empty


def test_frechet_distance_is_0_where_all_training_images_are_equal() -> None:
    distance = FrechetDistance(flat(photographs(20, 3)), spectrum.fit(np.full((5, 1, 4, 4), 77, np.uint8)))
    assert float(distance(flat(photographs(10, 4)), "latents")[0]) == 0
