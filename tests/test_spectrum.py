"""Moments and principal components against brute force in float64."""

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from hidden_gaussian import spectrum
from hidden_gaussian.errors import InputError


def _images(count: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


@pytest.mark.parametrize(("count", "shape"), [(7, (1, 4, 4)), (16, (1, 4, 4)), (200, (1, 4, 4)), (40, (3, 6, 6))])
def test_reconstructs_the_covariance(count: int, shape: tuple[int, ...]) -> None:
    images = _images(count, shape)
    unit = images.reshape(count, -1) / 127.5 - 1
    fitted = spectrum.fit(images)
    rebuilt = (fitted.eigenvectors * fitted.eigenvalues) @ fitted.eigenvectors.T
    np.testing.assert_allclose(fitted.mean, unit.mean(0), atol=1e-14)
    np.testing.assert_allclose(rebuilt, np.cov(unit.T, bias=True), atol=1e-12)
    np.testing.assert_allclose(fitted.eigenvectors.T @ fitted.eigenvectors, np.eye(len(fitted.eigenvalues)), atol=1e-10)
    assert len(fitted.eigenvalues) == min(count - 1, unit.shape[1])
    assert (np.diff(fitted.eigenvalues) <= 0).all()


def test_moments_are_exact_for_any_blocks_order_and_shards() -> None:
    rows = _images(3000, (1, 5, 5)).reshape(3000, -1)
    integers = rows.astype(np.int64) - 128
    moments = spectrum.Moments.of(rows)
    np.testing.assert_array_equal(moments.products, integers.T @ integers)
    np.testing.assert_array_equal(moments.total, integers.sum(0))
    exact = (3000 * integers.T @ integers - np.outer(integers.sum(0), integers.sum(0))) / (3000**2 * 127.5**2)
    np.testing.assert_allclose(moments.covariance(), exact, rtol=1e-12)
    shuffled = np.random.default_rng(1).permutation(rows)
    shards = sum(
        (spectrum.Moments.of(part) for part in np.split(shuffled, [1, 700, 1900])),
        spectrum.Moments.of(rows[:0]),
    )
    for other in (spectrum.Moments.of(rows, 7), spectrum.Moments.of(shuffled), shards):
        np.testing.assert_array_equal(other.covariance(), moments.covariance())
        assert other.count == 3000


@pytest.mark.parametrize("block", [0, 1025])
def test_blocks_that_would_be_rounded_are_refused(block: int) -> None:
    with pytest.raises(ValueError, match=f"block: {block} images"):
        spectrum.Moments.of(_images(2, (1, 2, 2)).reshape(2, -1), block)


def test_extreme_pixels_are_summed_exactly() -> None:
    rows = np.where(np.random.default_rng(0).random((4096, 3)) < 0.5, 0, 255).astype(np.uint8)
    rows[:, 0] = 0
    integers = rows.astype(np.int64) - 128
    np.testing.assert_array_equal(spectrum.Moments.of(rows).products, integers.T @ integers)


@pytest.mark.parametrize("wide", [False, True])
def test_panels_cover_large_images(wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Panels smaller than the image change nothing, for either matrix."""
    images = _images(20 if wide else 60, (1, 5, 5))
    whole = spectrum.fit(images)
    monkeypatch.setattr(spectrum, "BLOCK", 7)
    parts = spectrum.fit(images)
    np.testing.assert_allclose(parts.eigenvalues, whole.eigenvalues, rtol=1e-12)
    np.testing.assert_allclose(np.abs((parts.eigenvectors * whole.eigenvectors).sum(0)), 1, rtol=1e-9)


def test_nested_subsets_merge_into_the_spectrum_of_the_larger() -> None:
    images = _images(90, (1, 5, 5))
    rows = images.reshape(90, -1)
    merged = spectrum.from_moments(spectrum.Moments.of(rows[:30]) + spectrum.Moments.of(rows[30:]))
    whole = spectrum.fit(images)
    np.testing.assert_array_equal(merged.eigenvalues, whole.eigenvalues)
    np.testing.assert_array_equal(merged.mean, whole.mean)


def test_both_routes_agree_and_respect_the_rank() -> None:
    images = _images(20, (1, 5, 5))
    by_gram = spectrum.fit(images)
    by_covariance = spectrum.from_moments(spectrum.Moments.of(images.reshape(20, -1)))
    assert len(by_gram.eigenvalues) == len(by_covariance.eigenvalues) == 19
    np.testing.assert_allclose(by_gram.eigenvalues, by_covariance.eigenvalues, rtol=1e-10)
    twice = spectrum.fit(np.concatenate([images, images]))  # 40 images of rank 19
    np.testing.assert_allclose(twice.eigenvalues, by_gram.eigenvalues, rtol=1e-10)


@pytest.mark.parametrize("count", [12, 80])
def test_shrinkage_equals_scikit_learn(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images = _images(count, (1, 5, 5))
    dense, full = LedoitWolf().fit(images.reshape(count, -1) / 127.5 - 1), spectrum.fit(images)
    monkeypatch.setattr(spectrum, "BLOCK", 7)
    shrinkage = spectrum.ledoit_wolf(images, full)
    np.testing.assert_allclose(shrinkage, dense.shrinkage_, rtol=1e-10)
    fitted = full.shrunk(shrinkage)
    inside = fitted.eigenvectors @ fitted.eigenvectors.T
    rebuilt = (fitted.eigenvectors * fitted.eigenvalues) @ fitted.eigenvectors.T + fitted.rest * (np.eye(25) - inside)
    assert 0 < shrinkage < 1
    np.testing.assert_allclose(rebuilt, dense.covariance_, atol=1e-12)


def test_images_that_are_copies_of_few_or_of_one_are_shrunk_as_scikit_learn_does() -> None:
    few = np.repeat(_images(3, (1, 2, 2)), [90, 5, 5], axis=0)
    dense = LedoitWolf().fit(few.reshape(100, -1) / 127.5 - 1)
    np.testing.assert_allclose(spectrum.ledoit_wolf(few, spectrum.fit(few)), dense.shrinkage_, rtol=1e-10)
    one = np.full((5, 1, 2, 2), 77, np.uint8)
    assert spectrum.ledoit_wolf(one, spectrum.fit(one)) == 0


def test_leading_components_keep_the_variance_only_when_spread() -> None:
    fitted = spectrum.fit(_images(80, (1, 5, 5)))
    variance = fitted.eigenvalues.sum()
    cut, spread = fitted.leading(5), fitted.leading(5, spread=True)
    assert (len(cut.eigenvalues), cut.rest) == (5, 0)
    np.testing.assert_allclose(spread.eigenvalues.sum() + 20 * spread.rest, variance)


@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_finite_samples_act_as_more_noise(sigma: float) -> None:
    """The mean of finite-N Wiener filters, by Monte Carlo, is the full one at the predicted noise level."""
    generator, size, count = np.random.default_rng(0), 60, 40
    values = 4.0 * np.arange(1, size + 1) ** -1.0
    full = spectrum.Spectrum(np.zeros(size), values, np.eye(size), 10**6)
    gains = np.zeros(size)
    for _ in range(1500):
        rows = generator.normal(size=(count, size)) * np.sqrt(values)
        sample = rows.T @ rows / count
        gains += np.diag(sample @ np.linalg.inv(sample + sigma**2 * np.eye(size))) / 1500
    kappa = spectrum.effective_sigma(full, count, sigma) ** 2
    np.testing.assert_allclose(gains, values / (values + kappa), atol=0.01)
    naive = values / (values + sigma**2)
    assert np.linalg.norm(naive - gains) > 3 * np.linalg.norm(values / (values + kappa) - gains)
    assert spectrum.effective_sigma(full, 10**9, sigma) == pytest.approx(sigma)


@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_variance_outside_the_components_is_noise_like_that_inside(sigma: float) -> None:
    values = np.concatenate([4.0 / np.arange(1, 11), np.full(50, 0.3)])
    whole = spectrum.Spectrum(np.zeros(60), values, np.eye(60), 10**6)
    spread = spectrum.Spectrum(np.zeros(60), values[:10], np.eye(60)[:, :10], 10**6, rest=0.3)
    expected = spectrum.effective_sigma(whole, 40, sigma)
    assert spectrum.effective_sigma(spread, 40, sigma) == pytest.approx(expected, rel=1e-9)


def test_finite_samples_of_nearly_flat_images_add_nothing() -> None:
    """The added noise is below the rounding of sigma."""
    full = spectrum.fit(np.random.default_rng(0).integers(127, 129, (50, 1, 8, 8), dtype=np.uint8))
    for sigma in np.geomspace(0.002, 80, 40):
        for count in (10**4, 10**7, 10**10):
            found = spectrum.effective_sigma(full, count, float(sigma))
            assert sigma <= found * (1 + 1e-12)
            assert found < 1.01 * sigma


def test_identical_images_have_no_variance() -> None:
    fitted = spectrum.fit(np.full((5, 1, 4, 4), 77, np.uint8))
    assert fitted.eigenvectors.shape == (16, 0)
    np.testing.assert_allclose(fitted.mean, 77 / 127.5 - 1)


@pytest.mark.parametrize("images", [np.zeros((3, 1, 2, 2), np.float32), np.zeros((3, 1, 2, 2)).tolist()])
def test_pixels_of_another_type_are_refused(images: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"images are a .*; expected a numpy array of uint8"):
        spectrum.fit(images)


def test_no_image_is_refused() -> None:
    with pytest.raises(InputError, match="at least one image"):
        spectrum.fit(np.empty((0, 1, 4, 4), np.uint8))
