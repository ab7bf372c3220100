"""Linearity scores against their definition, and the null of affine denoisers."""

import numpy as np
import pytest
import torch

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers import EmpiricalDenoiser, GaussianDenoiser
from hidden_gaussian.metrics.linearity import affinity_quantities, mixture_quantities

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 1, 4, 4), dtype=np.uint8)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 20.0])
def test_affine_denoisers_are_affine(sigma: float) -> None:
    gaussian = GaussianDenoiser(spectrum.fit(IMAGES), dtype=torch.float64)
    mean = gaussian.mean.reshape(1, 4, 4)
    noisy = torch.randn(16, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * sigma
    denoised = gaussian(noisy, sigma)
    found = mixture_quantities(gaussian, noisy, denoised, sigma, mean, 0.5**0.5)
    found |= affinity_quantities(gaussian, noisy, denoised, sigma)
    scale = found["mixed_norm_centred"].sum()
    assert found["affine_gap"].sum() < 1e-20 * scale
    assert found["mixed_gap_centred"].sum() < 1e-20 * scale
    offset = (gaussian.mean - gaussian.weight(sigma) @ gaussian.mean) * (1 - 2 * 0.5**0.5)
    torch.testing.assert_close(found["mixed_gap"], offset.square().sum().expand(16), rtol=1e-9, atol=1e-15)


def test_linearity_follows_its_definition() -> None:
    empirical = EmpiricalDenoiser(torch.from_numpy(IMAGES))
    noisy = torch.randn(6, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = mixture_quantities(empirical, noisy, empirical(noisy, 0.7), 0.7, torch.zeros(1, 4, 4).double(), 0.6)
    found |= affinity_quantities(empirical, noisy, empirical(noisy, 0.7), 0.7)
    one, two = noisy[5:6], noisy[0:1]  # six images are one block, so the first follows the last
    mixed = empirical(0.6 * one + 0.8 * two, 0.7)
    combined = 0.6 * empirical(one, 0.7) + 0.8 * empirical(two, 0.7)
    residual = 0.6 * (one - empirical(one, 0.7)) + 0.8 * (two - empirical(two, 0.7))
    assert float(found["mixed_inner"][5]) == pytest.approx(float((mixed * combined).sum()))
    assert float(found["mixed_gap"][5]) == pytest.approx(float((mixed - combined).square().sum()))
    assert float(found["combined_norm_residual"][5]) == pytest.approx(float(residual.square().sum()))
    assert found["affine_gap"].min() > 0
    spread = empirical(noisy, 0.7).flatten(1).numpy().var(axis=0).sum()
    assert float(found["norm_centred"].sum()) == pytest.approx(6 * spread)


def test_pairs_stay_in_their_blocks() -> None:
    noisy = torch.arange(11).double().reshape(-1, 1, 1, 1)  # blocks 0-3 and 4-10
    found = mixture_quantities(lambda y, _: y, noisy, noisy, 1.0, torch.zeros(1, 1, 1).double(), 0.6)
    partner = torch.tensor([1, 2, 3, 0, 5, 6, 7, 8, 9, 10, 4]).double()
    torch.testing.assert_close(found["mixed_norm"], (0.6 * noisy.flatten() + 0.8 * partner) ** 2)
    square = affinity_quantities(lambda y, _: y**2, noisy, noisy**2, 1.0)["affine_gap"]
    for image, second, third in ((3, 0, 1), (9, 10, 4)):
        gap = (2 * image + 2 * second - third) ** 2 / 9 - (2 * image**2 + 2 * second**2 - third**2) / 3
        assert float(square[image]) == pytest.approx(gap**2)
