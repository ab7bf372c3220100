"""Least squares against numpy's, and the identities that any distillation must fulfil."""

import numpy as np
import pytest
import torch

from hidden_gaussian import distillation, spectrum
from hidden_gaussian.denoisers import EmpiricalDenoiser, GaussianDenoiser
from hidden_gaussian.errors import InputError

SHAPE = (1, 3, 4)


def _images(count: int) -> np.ndarray:
    base = np.random.default_rng(0).normal(size=(count, 4)) @ np.random.default_rng(1).normal(size=(4, 12)) * 35 + 120
    return np.clip(base, 0, 255).astype(np.uint8).reshape(count, *SHAPE)


def test_moments_solve_least_squares() -> None:
    generator = torch.Generator().manual_seed(0)
    noisy, denoised = torch.randn(2, 500, *SHAPE, generator=generator).double()
    moments = distillation.Moments(torch.randn(12, generator=generator))
    for part in range(0, 500, 77):
        moments.add(noisy[part : part + 77], denoised[part : part + 77])
    affine = moments.solve()
    design = np.concatenate([noisy.flatten(1).numpy(), np.ones((500, 1))], axis=1)
    expected = np.linalg.lstsq(design, denoised.flatten(1).numpy(), rcond=None)[0]
    np.testing.assert_allclose(affine.weight.numpy(), expected[:-1].T, atol=1e-10)
    np.testing.assert_allclose(affine.intercept.numpy(), expected[-1], atol=1e-10)
    torch.testing.assert_close(affine(noisy).flatten(1), torch.from_numpy(design @ expected), atol=1e-9, rtol=1e-9)


def test_gaussian_distils_to_itself() -> None:
    images = _images(40)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    clean = torch.from_numpy(images / 127.5 - 1)
    *_, fitted = distillation.distil(gaussian, clean, 0.5, draws=400, centre=gaussian.mean, seed=0, purpose="test")
    torch.testing.assert_close(fitted.both.weight, gaussian.weight(0.5), atol=1e-9, rtol=0)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.0])
def test_tower_property(sigma: float) -> None:
    """On its own noised training images the perfect memoriser distils to the Gaussian, up to noise."""
    images = _images(40)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    memoriser = EmpiricalDenoiser(torch.from_numpy(images))
    clean = torch.from_numpy(images / 127.5 - 1)
    relative = []
    for seed in range(12):
        *_, fitted = distillation.distil(
            memoriser, clean, sigma, draws=8000, centre=gaussian.mean, seed=seed, purpose="test"
        )
        values = distillation.weight_quantities(fitted, gaussian.weight(sigma))
        relative.append(values["weight_mismatch"] / values["gaussian_weight"])
    mean, error = np.mean(relative), np.std(relative, ddof=1) / np.sqrt(12)
    assert abs(mean) < 4 * error
    assert error < 0.01


def test_held_out_images_show_the_memoriser() -> None:
    images = _images(80)
    gaussian = GaussianDenoiser(spectrum.fit(images[:40]), dtype=torch.float64)
    memoriser = EmpiricalDenoiser(torch.from_numpy(images[:40]))
    clean = torch.from_numpy(images[40:] / 127.5 - 1)
    *_, fitted = distillation.distil(memoriser, clean, 0.15, draws=8000, centre=gaussian.mean, seed=0, purpose="test")
    values = distillation.weight_quantities(fitted, gaussian.weight(0.15))
    assert values["weight_mismatch"] / values["gaussian_weight"] > 0.05


def test_both_halves_know_every_repeated_image() -> None:
    halves = {half: {p % 7 for p in range(70) if distillation.pair_half(p, 7) == half} for half in (0, 1)}
    assert halves == {0: set(range(7)), 1: set(range(7))}


def test_halves_by_image_share_none() -> None:
    halves = {
        half: {p % 7 for p in range(70) if distillation.pair_half(p, 7, by_image=True) == half} for half in (0, 1)
    }
    assert halves == {0: {0, 2, 4, 6}, 1: {1, 3, 5}}


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(InputError, match=r"distillation\.draws"):
        list(
            distillation.distil(
                lambda noisy, sigma: noisy,
                torch.zeros(3, *SHAPE),
                1.0,
                draws=20,
                centre=torch.zeros(12),
                seed=0,
                purpose="test",
            )
        )
