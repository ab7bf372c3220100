"""Reference denoisers against the textbook formulas, densely and in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hidden_gaussian import spectrum
from hidden_gaussian.data.sources import open_source
from hidden_gaussian.denoisers import (
    EmpiricalDenoiser,
    GaussianDenoiser,
    IdentityDenoiser,
    LinearDenoiser,
    MeanDenoiser,
)
from hidden_gaussian.denoisers.empirical.screening import Queries, float32_suffices, may_have_weight
from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import Source

SIGMAS = [0.002, 0.02, 0.47, 4.07, 80.0]


@pytest.fixture(params=[12, 90])
def images(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (request.param, 1, 6, 6), dtype=np.uint8)


def _noisy(images: np.ndarray, sigma: float) -> torch.Tensor:
    clean = torch.from_numpy(images[:5] / 127.5 - 1)
    return clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_gaussian_is_the_wiener_filter(images: np.ndarray, sigma: float) -> None:
    unit = images.reshape(len(images), -1) / 127.5 - 1
    covariance, mean = np.cov(unit.T, bias=True), unit.mean(0)
    noisy = _noisy(images, sigma)
    weight = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(36))
    expected = mean + (noisy.flatten(1).numpy() - mean) @ weight.T
    denoiser = GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)
    np.testing.assert_allclose(denoiser(noisy, sigma).flatten(1).numpy(), expected, atol=1e-8)
    np.testing.assert_allclose(denoiser.weight(sigma).numpy(), weight, atol=1e-8)


def _posterior(noisy: np.ndarray, unit: np.ndarray, sigma: float) -> np.ndarray:
    """Weights of all images by differences, in float64."""
    logits = -np.square(noisy[:, None] - unit[None]).sum(-1) / (2 * sigma**2)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("tile", [1, 5, 1000])
def test_empirical_is_the_posterior_mean(images: np.ndarray, sigma: float, tile: int) -> None:
    unit = images.reshape(len(images), -1) / 127.5 - 1
    denoiser = EmpiricalDenoiser(torch.from_numpy(images), tile)
    for noisy, tolerance in ((_noisy(images, sigma), 1e-10), (_noisy(images, sigma).float(), 1e-6)):
        weights = _posterior(noisy.flatten(1).double().numpy(), unit, sigma)
        np.testing.assert_allclose(denoiser(noisy, sigma).flatten(1).numpy(), weights @ unit, atol=tolerance, rtol=0)
        found = denoiser.diagnostics(noisy, sigma)
        logs = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
        np.testing.assert_allclose(found["entropy"], -(weights * logs).sum(1), atol=1e-8)
        np.testing.assert_allclose(found["effective"], 1 / np.square(weights).sum(1), rtol=1e-8)


@given(
    count=st.integers(1, 40),
    batch=st.integers(1, 6),
    tile=st.integers(1, 50),
    sigma=st.floats(2e-3, 80),
    seed=st.integers(0, 2**32),
)
def test_empirical_does_not_depend_on_the_tile(count: int, batch: int, tile: int, sigma: float, seed: int) -> None:
    """Images of few grey levels, some equal, so that there are ties, against the sum over all at once."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 4, (count, 1, 2, 3), dtype=np.uint8) * 85
    clean = images[generator.integers(count, size=batch)] / 127.5 - 1
    noisy = torch.from_numpy(clean + sigma * generator.normal(size=clean.shape))
    unit = images.reshape(count, -1) / 127.5 - 1
    for inputs, tolerance in ((noisy, 1e-10), (noisy.float(), 1e-6)):
        expected = _posterior(inputs.flatten(1).double().numpy(), unit, sigma) @ unit
        found = EmpiricalDenoiser(torch.from_numpy(images), tile)(inputs, sigma)
        np.testing.assert_allclose(found.flatten(1).numpy(), expected, atol=tolerance, rtol=0)


@pytest.fixture(scope="module")
def smooth() -> np.ndarray:
    """600 images of 3 x 16 x 16 pixels, strongly correlated like in photographs, some nearly alike."""
    generator = np.random.default_rng(3)
    waves = np.cumsum(np.cumsum(generator.normal(size=(600, 3, 16, 16)), 2), 3)
    waves[:60] = waves[60:120] + generator.normal(size=(60, 3, 16, 16))
    spread = np.abs(waves).max((1, 2, 3), keepdims=True)
    return np.rint(127.5 + 127 * waves / spread).astype(np.uint8)


@pytest.mark.parametrize("tile", [7, 64, 1024])
def test_empirical_screens_without_error_at_every_noise_level(smooth: np.ndarray, tile: int) -> None:
    """To 1e-6 in every pixel, where a float32 softmax of distances is off by 1e-4."""
    unit = torch.from_numpy(smooth.reshape(600, -1) / 127.5 - 1)
    clean = torch.from_numpy(smooth[::8] / 127.5 - 1).float()
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    denoiser, plain = EmpiricalDenoiser(torch.from_numpy(smooth), tile), 0.0
    for sigma in np.geomspace(0.002, 80, 16).tolist():
        noisy = clean + sigma * noise
        flat = noisy.flatten(1).double()
        expected = torch.softmax((flat @ unit.T - unit.square().sum(1) / 2) / sigma**2, 1) @ unit
        assert float((denoiser(noisy, sigma).flatten(1) - expected).abs().max()) < 1e-6, sigma
        distances = torch.cdist(flat.float(), unit.float())
        rough = torch.softmax(-distances.square() / (2 * sigma**2), 1) @ unit.float()
        plain = max(plain, float((rough - expected).abs().max()))
    assert plain > 1e-5


def test_empirical_of_one_image_returns_it() -> None:
    image = torch.randint(0, 256, (1, 3, 4, 4), dtype=torch.uint8)
    denoised = EmpiricalDenoiser(image)(torch.randn(7, 3, 4, 4), 0.5)
    torch.testing.assert_close(denoised, (image / 127.5 - 1).expand(7, 3, 4, 4))


def test_a_sigma_for_each_image_equals_one_at_a_time(images: np.ndarray) -> None:
    noisy, sigmas = _noisy(images, 1.0), torch.tensor([0.1, 0.5, 1.0, 4.0, 20.0])
    for denoiser in (
        GaussianDenoiser(spectrum.fit(images), dtype=torch.float64),
        EmpiricalDenoiser(torch.from_numpy(images)),
    ):
        alone = [denoiser(noisy[i : i + 1], float(sigma)) for i, sigma in enumerate(sigmas)]
        torch.testing.assert_close(denoiser(noisy, sigmas), torch.cat(alone), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sigma", [0.3, 4.0, 40.0])
def test_gradients_along_the_noise_level_do_not_depend_on_precision(smooth: np.ndarray, sigma: float) -> None:
    denoiser, clean, found = EmpiricalDenoiser(torch.from_numpy(smooth)), smooth[:4] / 127.5 - 1, []
    noisy = torch.from_numpy(clean + sigma * np.random.default_rng(0).normal(size=clean.shape))
    for inputs in (noisy, noisy.float()):
        level = torch.tensor(sigma, dtype=inputs.dtype, requires_grad=True)
        denoiser(inputs, level).square().sum().backward()
        found.append(float(level.grad))
    assert found[1] == pytest.approx(found[0], rel=1e-3)


def test_trivial_denoisers() -> None:
    noisy, mean = torch.randn(3, 1, 4, 4), torch.randn(1, 4, 4)
    assert torch.equal(IdentityDenoiser()(noisy, 1.0), noisy)
    assert torch.equal(MeanDenoiser(mean)(noisy, 1.0), torch.stack([mean] * 3))


def test_linear_refuses_levels_it_was_not_fitted_at(tmp_path) -> None:
    weights = torch.randn(2, 4, 4)
    linear = LinearDenoiser(torch.tensor([4.0, 0.5]), weights, torch.ones(2, 4))
    linear.save(tmp_path / "linear.safetensors")
    again = LinearDenoiser.load(tmp_path / "linear.safetensors")
    noisy = torch.randn(3, 1, 2, 2)
    torch.testing.assert_close(again(noisy, 0.5).flatten(1), noisy.flatten(1) @ weights[1].T + 1)
    with pytest.raises(InputError, match=r"fitted at 4, 0.5 only"):
        again(noisy, 1.0)


@pytest.mark.parametrize(("count", "resolution"), [(10_000, 16), (1_000, 8)])
def test_patches_of_photographs_are_denoised_to_1e_6(count: int, resolution: int) -> None:
    """Thousands of smooth and bright patches have weight, and errors of their logits and sums add up."""
    pictures = open_source(Source(kind="photographs", count=count), resolution=resolution, seed=0, key="source")
    images = torch.from_numpy(np.stack([np.asarray(picture) for _, picture in pictures.stream])).permute(0, 3, 1, 2)
    denoiser, clean = EmpiricalDenoiser(images.contiguous()), images[:64].float() / 127.5 - 1
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    for sigma in (0.1, 0.5, 1.0, 2.0, 4.0, 8.0):
        noisy = clean + sigma * noise
        assert float((denoiser(noisy, sigma) - denoiser(noisy.double(), sigma)).abs().max()) < 1e-6, sigma


def test_screening_leaves_out_only_images_without_weight() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(-255, 256, (300, 1500), generator=generator, dtype=torch.float64)
    noisy, halves = 500 * torch.randn(20, 1500, generator=generator, dtype=torch.float64), pixels.square().sum(1) / 2
    for precision in (1.0, 1e-5, 1e-9):
        queries = Queries(noisy, torch.full((20, 1), precision, dtype=torch.float64))
        blocks = zip(torch.split(pixels.float(), 70), torch.split(halves, 70), strict=True)
        flags = may_have_weight(queries, blocks)
        weights = torch.softmax((noisy @ pixels.T - halves) * precision, 1)
        assert float((weights * ~flags).sum(1).max()) < 1e-7
        assert bool(flags[weights > 1e-9].all())
        assert bool(flags.all()) == (precision == 1e-9)


def test_float32_logits_suffice_only_if_they_are_accurate() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(-127, 128, (500, 768), generator=generator).double()
    halves, accurate = pixels.square().sum(1) / 2, []
    for sigma in (500.0, 1000.0, 3000.0, 6000.0):
        noisy = sigma * torch.randn(100, 768, generator=generator, dtype=torch.float64)
        queries = Queries(noisy, torch.full((100, 1), sigma**-2, dtype=torch.float64))
        single = queries.single()
        logits = torch.addmm(-halves.float(), single.flat, pixels.float().T) * single.precision
        off = (logits.double() - (noisy @ pixels.T - halves) * queries.precision).square().mean().sqrt()
        accurate.append(float32_suffices(queries, halves))
        assert float(off) < 5e-7 or not accurate[-1]
    assert accurate == [False, False, True, True]


@pytest.mark.parametrize("sigma", [4.0, 12.0])
def test_groups_of_copies_are_denoised_to_1e_6(sigma: float) -> None:
    """Equal images have equal rounding errors, which do not average out."""
    generator = torch.Generator().manual_seed(0)
    different = torch.randint(0, 60, (3, 3, 16, 16), generator=generator, dtype=torch.uint8)
    different[1] += 190
    denoiser, clean = EmpiricalDenoiser(different.repeat(400, 1, 1, 1)), different.double().mean(0) / 127.5 - 1
    noisy = clean.float() + sigma * torch.randn(64, 3, 16, 16, generator=generator)
    assert float((denoiser(noisy, sigma) - denoiser(noisy.double(), sigma)).abs().max()) < 1e-6


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:FutureWarning")
@pytest.mark.parametrize("sigma", [0.05, 1.0, 40.0])
def test_derivatives_do_not_depend_on_how_logits_are_taken(smooth: np.ndarray, sigma: float) -> None:
    """Forward and backward, in float32 with and without screening, against float64."""
    denoiser, clean = EmpiricalDenoiser(torch.from_numpy(smooth)), torch.from_numpy(smooth[:4] / 127.5 - 1)
    generator = torch.Generator().manual_seed(0)
    noisy, along = (torch.randn(clean.shape, generator=generator, dtype=torch.float64) for _ in range(2))
    noisy = clean + sigma * noisy
    found = []
    for at, by in ((noisy, along), (noisy.float(), along.float())):
        forward = torch.func.jvp(lambda given: denoiser(given, sigma), (at,), (by,))[1]
        found.append((forward, torch.func.vjp(lambda given: denoiser(given, sigma), at)[1](by)[0]))
    tolerance = 1e-5 / sigma**2  # of differences of float32 numbers over the variance of the noise
    for exact, single in zip(*found, strict=True):
        torch.testing.assert_close(single.double(), exact, rtol=0, atol=1e-4 * float(exact.abs().max()) + tolerance)
