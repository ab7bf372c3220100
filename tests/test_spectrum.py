"""Moments and principal components against brute force in float64."""

import numpy as np
import pytest

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


def test_covariance_is_exact_whatever_the_order() -> None:
    rows = _images(3000, (1, 5, 5)).reshape(3000, -1)
    integers = rows.astype(np.int64) - 128
    total = integers.sum(0)
    exact = (3000 * integers.T @ integers - np.outer(total, total)) / (3000**2 * 127.5**2)
    shuffled = np.random.default_rng(1).permutation(rows)
    np.testing.assert_array_equal(spectrum.covariance(rows), spectrum.covariance(shuffled))
    np.testing.assert_allclose(spectrum.covariance(rows), exact, rtol=1e-12)


def test_identical_images_have_no_variance() -> None:
    fitted = spectrum.fit(np.full((5, 1, 4, 4), 77, np.uint8))
    assert fitted.eigenvectors.shape == (16, 0)
    np.testing.assert_allclose(fitted.mean, 77 / 127.5 - 1)


def test_no_image_is_refused() -> None:
    with pytest.raises(InputError, match="at least one image"):
        spectrum.fit(np.empty((0, 1, 4, 4), np.uint8))
