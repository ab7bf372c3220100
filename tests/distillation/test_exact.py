"""Least squares against numpy's, and the identities that any distillation must fulfil."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers import Denoiser, EmpiricalDenoiser, GaussianDenoiser
from hidden_gaussian.distillation import exact
from hidden_gaussian.distillation.exact import Distilled, Fit, distil
from hidden_gaussian.distillation.least_squares import AffineMap, Moments
from hidden_gaussian.distillation.stein import PROBES, SteinAverage
from hidden_gaussian.distillation.weights import weight_quantities
from hidden_gaussian.errors import InputError
from hidden_gaussian.measurement.linear_maps import _fit_error, linear_quantities
from hidden_gaussian.measurement.noised_batch import NoisedBatch, Target

SHAPE = (1, 3, 4)


def _images(count: int) -> np.ndarray:
    base = np.random.default_rng(0).normal(size=(count, 4)) @ np.random.default_rng(1).normal(size=(4, 12)) * 35 + 120
    return np.clip(base, 0, 255).astype(np.uint8).reshape(count, *SHAPE)


def _last(
    denoiser: Denoiser, clean: torch.Tensor, gaussian: GaussianDenoiser, sigma: float, **where: object
) -> Distilled:
    fit = Fit(clean, **{"draws": 8000, "seed": 0, "purpose": "test", **where})
    *_, fitted = exact.distil(denoiser, fit, sigma, gaussian)
    return fitted


def _mean(fitted: Distilled) -> torch.Tensor:
    return (fitted.first.weight + fitted.second.weight) / 2


def _weights(fitted: Distilled, gaussian: GaussianDenoiser, sigma: float) -> dict[str, float]:
    rows = exact.gaussian_rows(gaussian, sigma)
    return weight_quantities(fitted.first.weight, fitted.second.weight, rows)


def test_gaussian_distils_to_itself() -> None:
    images = _images(40)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    clean = torch.from_numpy(images / 127.5 - 1)
    fitted = _last(gaussian, clean, gaussian, 0.5, draws=400)
    for affine in (fitted.first, fitted.second):
        torch.testing.assert_close(affine.weight, gaussian.weight(0.5), atol=1e-9, rtol=0)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.0])
def test_tower_property(sigma: float) -> None:
    """On its own noised training images the empirical denoiser distils to the Gaussian, up to noise."""
    images = _images(40)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    empirical = EmpiricalDenoiser(torch.from_numpy(images))
    clean = torch.from_numpy(images / 127.5 - 1)
    relative = []
    for seed in range(12):
        values = _weights(_last(empirical, clean, gaussian, sigma, seed=seed), gaussian, sigma)
        relative.append(values["weight_mismatch"] / values["gaussian_weight"])
    mean, error = np.mean(relative), np.std(relative, ddof=1) / np.sqrt(12)
    assert abs(mean) < 4 * error
    assert error < 0.01


def test_held_out_images_tell_the_empirical_denoiser_from_the_gaussian() -> None:
    images = _images(80)
    gaussian = GaussianDenoiser(spectrum.fit(images[:40]), dtype=torch.float64)
    empirical = EmpiricalDenoiser(torch.from_numpy(images[:40]))
    clean = torch.from_numpy(images[40:] / 127.5 - 1)
    values = _weights(_last(empirical, clean, gaussian, 0.15), gaussian, 0.15)
    assert values["weight_mismatch"] / values["gaussian_weight"] > 0.05


@pytest.mark.parametrize(
    ("by_image", "expected"), [(True, [{0, 2, 4, 6}, {1, 3, 5, 7}]), (False, [set(range(9)), set(range(9))])]
)
def test_both_halves_know_every_image_unless_they_are_by_image(
    by_image: bool, expected: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine images, each as bright as its number, in eleven rounds."""
    seen: list[set[int]] = [set(), set()]

    class Spied(Moments):
        def add(self, noisy: torch.Tensor, denoised: torch.Tensor, part: int = 0) -> None:
            seen[part].update(noisy.flatten(1)[:, 0].round().int().tolist())
            super().add(noisy, denoised, part)

    monkeypatch.setattr(exact, "Moments", Spied)
    clean = torch.arange(9.0).double().reshape(9, 1, 1, 1).expand(9, *SHAPE)
    gaussian = GaussianDenoiser(spectrum.fit(_images(40)), dtype=torch.float64)
    _last(gaussian, clean, gaussian, 0.01, draws=99, by_image=by_image)
    assert seen == expected


@pytest.mark.parametrize("by_image", [True, False])
@pytest.mark.parametrize("images", [8, 9, 27, 31])
def test_the_fewest_pairs_determine_both_maps_whatever_the_number_of_images(images: int, by_image: bool) -> None:
    """Of an odd number, an image more would fall to the first half: maps of the second lacked pairs."""
    clean = torch.from_numpy(_images(40) / 127.5 - 1)
    gaussian = GaussianDenoiser(spectrum.fit(_images(40)), dtype=torch.float64)
    draws = 2 * (12 + 2)
    fit = Fit(clean[:images], draws, 0, "test", by_image)
    for milestone in (draws, 2 * draws, 3 * draws + 1):
        halves = [exact.pair_half(pair, fit.images, by_image=by_image) for pair in range(milestone)]
        assert sum(halves) == milestone // 2
    *_, fitted = distil(gaussian, fit, 1.0, gaussian)
    assert fitted.draws == draws
    assert [found.draws for found in distil(gaussian, replace(fit, draws=2 * draws), 1.0, gaussian)] == [28, 56]


def test_too_few_pairs_are_refused() -> None:
    gaussian = GaussianDenoiser(spectrum.fit(_images(40)), dtype=torch.float64)
    with pytest.raises(InputError, match=r"distillation\.draws"):
        _last(lambda noisy, sigma: noisy, torch.zeros(3, *SHAPE), gaussian, 1.0, draws=20)


def test_milestones_leave_no_trace() -> None:
    """Maps of a quarter of the pairs lie where the sums were, which are put back: the last maps do not show it."""
    images = _images(40)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    clean, empirical = torch.from_numpy(images / 127.5 - 1), EmpiricalDenoiser(torch.from_numpy(images))
    for ridge in (0.0, 0.1):
        fit = Fit(clean, 2000, 0, "test", ridge=ridge)
        found = [(item.draws, item.first.weight.clone()) for item in exact.distil(empirical, fit, 0.3, gaussian)]
        assert [draws for draws, _ in found] == [500, 1000, 2000]
        for draws, weight in found:
            alone = _last(empirical, clean, gaussian, 0.3, draws=draws, ridge=ridge)
            torch.testing.assert_close(weight, alone.first.weight, atol=1e-9, rtol=1e-9)


def test_large_images_are_fitted_once_because_a_fourth_matrix_would_not_fit() -> None:
    for size, expected in ((3072, [16_384, 32_768, 65_536]), (4096, [16_384, 32_768, 65_536]), (4107, [65_536])):
        assert exact.milestones(65_536, size) == expected


@pytest.mark.parametrize("draws", [200, 16])  # more pairs than pixels, and fewer
def test_ridge_shrinks_towards_the_gaussian_in_units_of_the_variance_of_the_noise(draws: int) -> None:
    """Ridge equals least squares with added pairs: sqrt(n ridge) sigma (e_i, W_G e_i) for each pixel i."""
    images, sigma, ridge = _images(40), 0.3, 0.5
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    clean = torch.from_numpy(images / 127.5 - 1)
    found = _last(lambda noisy, _: noisy.tanh(), clean, gaussian, sigma, draws=draws, ridge=ridge)
    own = [pair for pair in range(draws) if exact.pair_half(pair, 40) == 0]
    noisy, _ = Fit(clean, draws, 0, "test").noisy_pairs(own, sigma)
    inputs, outputs = (part.flatten(1) - part.flatten(1).mean(0) for part in (noisy, noisy.tanh()))
    strength = (len(own) * ridge) ** 0.5 * sigma
    left = torch.cat([inputs, strength * torch.eye(12).double()])
    right = torch.cat([outputs, strength * gaussian.weight(sigma).T])
    torch.testing.assert_close(found.first.weight, torch.linalg.lstsq(left, right).solution.T, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_gaussian_images_distil_to_the_averaged_jacobian(sigma: float) -> None:
    """W = E[J] for Gaussian inputs and any denoiser, here a curved one whose Jacobian is known."""
    generator = torch.Generator().manual_seed(3)
    basis = torch.randn(12, 12, generator=generator).double() / 4
    clean = (torch.randn(20_000, 12, generator=generator).double() @ basis.T).reshape(-1, *SHAPE)
    mixing = torch.randn(12, 12, generator=generator).double() / 3
    gaussian = GaussianDenoiser(spectrum.fit(_images(40)), dtype=torch.float64)

    def curved(noisy: torch.Tensor, sigma: object) -> torch.Tensor:
        return torch.tanh(noisy.flatten(1) @ mixing.T).reshape(noisy.shape)

    fitted = _last(curved, clean, gaussian, sigma, draws=10_000, by_image=True)
    noisy = clean + sigma * torch.randn(clean.shape, generator=generator).double()
    jacobian = (1 - torch.tanh(noisy.flatten(1) @ mixing.T).square()).mean(0)[:, None] * mixing
    norm = float(jacobian.square().sum())
    assert float((_mean(fitted) - jacobian).square().sum()) < 0.01 * norm
    found = fitted.stein.quantities(fitted.first, fitted.second, lambda rows: jacobian[rows])
    assert abs(found["jacobian_linear"]) < 0.005 * norm
    assert abs(found["jacobian_gaussian"]) < 0.005 * norm  # E[J] itself in the place of W_G
    shifted = fitted.stein.quantities(fitted.first, fitted.second, lambda rows: 1.5 * jacobian[rows])
    assert shifted["jacobian_gaussian"] == pytest.approx(0.25 * norm, rel=0.3)


def test_stein_average_of_few_pairs_makes_up_for_the_degrees_of_freedom_of_the_fit() -> None:
    """Pixels of +1 or -1, and a function of each alone, so that E[J] and W are known; four pairs a pixel and half."""
    generator, size, sigma, weight = torch.Generator().manual_seed(0), 12, 0.5, torch.zeros(12, 12).double()
    gaussian = GaussianDenoiser(spectrum.fit(_images(40)), dtype=torch.float64)
    clean = torch.randint(0, 2, (200_000, *SHAPE), generator=generator).double() * 2 - 1
    noisy = clean + sigma * torch.randn(clean.shape, generator=generator).double()
    jacobian = (1 - torch.tanh(3 * noisy).square()).mean() * 3
    line = (noisy * torch.tanh(3 * noisy)).mean() / noisy.square().mean()
    expected = size * float((jacobian - line) ** 2)
    found = []
    for seed in range(200):
        part = clean[1000 * seed : 1000 * seed + 96]
        fitted = _last(
            lambda noisy, _: torch.tanh(3 * noisy), part, gaussian, sigma, draws=96, seed=seed, by_image=True
        )
        found.append(fitted.stein.quantities(fitted.first, fitted.second, lambda rows: weight[rows])["jacobian_linear"])
    assert np.mean(found) == pytest.approx(expected, rel=0.1)


def test_stein_average_is_the_mean_of_true_jacobians() -> None:
    """Where images are not Gaussian the fit differs from E[J], which autograd gives."""
    images = _images(12)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    clean, empirical = torch.from_numpy(images / 127.5 - 1), EmpiricalDenoiser(torch.from_numpy(images))
    sigma = 0.5
    fitted = _last(empirical, clean, gaussian, sigma, draws=16_000)
    fresh = Fit(clean, 3000, 1, "other")
    noisy, _ = fresh.noisy_pairs(range(3000), sigma)
    jacobians = torch.func.vmap(torch.func.jacrev(lambda y: empirical(y[None], sigma)[0]), chunk_size=500)(noisy)
    exact = jacobians.mean(0).reshape(12, 12)
    directions = fitted.stein.directions
    expected = (exact - _mean(fitted)) @ directions
    found = (fitted.stein.beyond(0, fitted.first) + fitted.stein.beyond(1, fitted.second)) / 2
    assert float((found - expected).norm() / (exact @ directions).norm()) < 0.1
    assert float(expected.norm() / (exact @ directions).norm()) > 0.2


def test_stein_average_by_dense_matrices() -> None:
    """Outputs that are far from 0, two halves of other sizes and maps: products of the halves, each about its mean."""
    generator, sigma, size = np.random.default_rng(0), 0.5, 4
    stein = SteinAverage(torch.full((size,), 0.3), sigma, parameters=5)
    own, *weights = generator.normal(size=(3, size, size))
    maps = [AffineMap(torch.from_numpy(weight), *torch.zeros(2, size).double()) for weight in weights]
    gaps = []
    for part, count in enumerate((30, 40)):
        unit = generator.normal(size=(count, size))
        noisy, denoised = 2 + sigma * unit, 5 + np.tanh(unit) + generator.normal(size=(count, size))
        stein.add(*(torch.from_numpy(one).reshape(count, 1, 2, 2) for one in (noisy, denoised, unit)), part)
        residual = denoised - noisy @ weights[part].T
        gaps.append((residual - residual.mean(0)).T @ (unit - unit.mean(0)) / ((count - 5) * sigma))
    found = stein.quantities(*maps, lambda rows: torch.from_numpy(own)[rows])
    whole = [gap + weight - own for gap, weight in zip(gaps, weights, strict=True)]
    for name, halves in (("jacobian_linear", gaps), ("jacobian_gaussian", whole)):
        first, second = (half @ stein.directions.numpy() for half in halves)
        assert found[name] == pytest.approx((first * second).sum() / PROBES)


def test_maps_of_all_levels_are_plain_least_squares() -> None:
    images = _images(40)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    clean, empirical = torch.from_numpy(images / 127.5 - 1), EmpiricalDenoiser(torch.from_numpy(images))
    fit = Fit(clean, 300, 0, "kept")
    linear = exact.distil_levels(empirical, fit, gaussian)
    sigma = float(linear.sigmas[6])
    noisy, _ = fit.noisy_pairs(range(300), sigma)
    design = np.c_[noisy.flatten(1).numpy(), np.ones(300)]
    expected = np.linalg.lstsq(design, empirical(noisy, sigma).flatten(1).numpy(), rcond=None)[0]
    np.testing.assert_allclose(linear(noisy, sigma).flatten(1).numpy(), design @ expected, atol=1e-5)


def test_maps_of_all_levels_are_shrunk_towards_the_gaussian() -> None:
    images = _images(40)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    fit = Fit(torch.from_numpy(images / 127.5 - 1), 300, 0, "kept", ridge=1e9)
    linear = exact.distil_levels(lambda noisy, _: noisy.tanh(), fit, gaussian)
    for sigma, weight in zip(linear.sigmas.tolist()[:8], linear.weights, strict=False):
        torch.testing.assert_close(weight.double(), gaussian.weight(sigma), atol=1e-4, rtol=0)


def test_the_parts_of_a_distance_add_up_however_few_pairs_are_fitted() -> None:
    """|D - D_G|^2 = |D - D_L|^2 + |D_L - D_G|^2 by products of two fits; to squares, noise of the fit adds."""
    generator, sigma = np.random.default_rng(5), 0.7
    pixels = np.rint(127.5 + 50 * generator.standard_normal((4000, *SHAPE))).clip(0, 255).astype(np.uint8)
    gaussian = GaussianDenoiser(spectrum.fit(pixels[:40]), dtype=torch.float64)
    empirical = EmpiricalDenoiser(torch.from_numpy(pixels[:40]))
    clean = torch.from_numpy(pixels[40:] / 127.5 - 1)
    target = Target("n40a/empirical", empirical, "n40a/gaussian", gaussian, {}, gaussian.mean.reshape(SHAPE))
    noised = NoisedBatch.of("heldout", clean[:1500], sigma, draws=1, seed=0)
    denoised = empirical(noised.noisy, sigma)
    whole = float((denoised - gaussian(noised.noisy, sigma)).square().sum())
    gaps, plain = [], []
    for start in range(1500, 3900, 300):
        fitted = _last(empirical, clean[start : start + 300], gaussian, sigma, draws=300, by_image=True)
        found = {
            name: float(value.sum()) for name, value in linear_quantities(fitted, noised, denoised, target).items()
        }
        gaps.append(1 - (found["nonlinear"] + found["mismatch"]) / whole)
        plain.append(1 - (found["distance"] + found["linear_gaussian"]) / whole)
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / len(gaps) ** 0.5 + 0.005
    assert np.mean(plain) < -0.03


def test_a_mismatch_inside_is_seen_in_the_span_of_the_training_images_alone() -> None:
    """Of five images in twelve dimensions: what leads out of their span counts outside, what stays counts inside."""
    images = _images(5)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    target = Target("n5a/x", gaussian, "n5a/gaussian", gaussian, {}, gaussian.mean.reshape(SHAPE))
    noised = NoisedBatch.of("heldout", torch.from_numpy(_images(20)[5:] / 127.5 - 1), 0.5, draws=1, seed=0)
    within = torch.from_numpy(np.linalg.svd(images.reshape(5, -1) - images.reshape(5, -1).mean(0))[2])
    for direction, inside in ((within[0], True), (within[-1], False)):

        def moved(noisy: torch.Tensor, sigma: float, by: torch.Tensor = direction) -> torch.Tensor:
            return gaussian(noisy, sigma) + by.reshape(SHAPE)

        fitted = _last(moved, noised.clean, gaussian, 0.5, draws=400)
        found = linear_quantities(fitted, noised, moved(noised.noisy, 0.5), target)
        np.testing.assert_allclose(found["mismatch"], 1, rtol=1e-6)
        np.testing.assert_allclose(found["mismatch_inside"], float(inside), atol=1e-6)


def test_linear_quantities_by_hand() -> None:
    """Of forty images in twelve dimensions the span is everything: what is inside is the whole mismatch."""
    images = _images(40) + np.random.default_rng(3).integers(0, 20, (40, *SHAPE)).astype(np.uint8)
    gaussian = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    empirical, mean = EmpiricalDenoiser(torch.from_numpy(images)), gaussian.mean.reshape(SHAPE)
    target = Target("n40a/empirical", empirical, "n40a/gaussian", gaussian, {}, mean)
    noised = NoisedBatch.of("heldout", torch.from_numpy(_images(60)[40:] / 127.5 - 1), 0.7, draws=1, seed=0)
    denoised = empirical(noised.noisy, 0.7)
    fitted = _last(empirical, noised.clean, gaussian, 0.7, draws=300)
    found = linear_quantities(fitted, noised, denoised, target)
    torch.testing.assert_close(found["mismatch_inside"], found["mismatch"], rtol=1e-6, atol=1e-9)
    spread = (gaussian(noised.noisy, 0.7) - mean).flatten(1).square().sum(1)
    torch.testing.assert_close(found["gaussian_spread"], spread.double(), rtol=1e-6, atol=1e-9)
    fit_spread = _fit_error(fitted, noised, denoised)["fit_spread"]
    assert fit_spread == pytest.approx(denoised.flatten(1).double().numpy().var(axis=0).sum())


@pytest.mark.parametrize("draws", [131, 132])
def test_the_fewest_draws_are_those_that_determine_both_halves(draws: int) -> None:
    gaussian = GaussianDenoiser(spectrum.fit(np.random.default_rng(0).integers(0, 256, (99, 1, 8, 8), np.uint8)))
    fit = Fit(torch.randn(16, 1, 8, 8), draws, 0, "test")
    if draws == 132:
        assert list(distil(gaussian, fit, 1.0, gaussian))
        return
    with pytest.raises(InputError, match=r"raise distillation\.draws above 130"):
        list(distil(gaussian, fit, 1.0, gaussian))
