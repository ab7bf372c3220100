"""Stationary, mixture, patch and shrunk denoisers against dense formulas in float64, and their files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf

from hidden_gaussian import reference_names, spectrum
from hidden_gaussian.denoisers import (
    EmpiricalDenoiser,
    ExpectedDenoiser,
    GaussianDenoiser,
    MixtureDenoiser,
    PatchDenoiser,
    StationaryDenoiser,
    open_denoiser,
    patch,
)
from hidden_gaussian.denoisers.fit import fit_reference
from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import arrays

SIGMAS = [0.002, 0.1, 0.47, 4.07, 80.0]
IMAGES = np.random.default_rng(0).integers(0, 256, (30, 2, 5, 4), dtype=np.uint8)
UNIT = IMAGES / 127.5 - 1


def _noisy(sigma: float, count: int = 5) -> torch.Tensor:
    clean = torch.from_numpy(UNIT[:count])
    return clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def _wiener(noisy: torch.Tensor, mean: np.ndarray, covariance: np.ndarray, sigma: float) -> np.ndarray:
    weight = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(len(covariance)))
    return mean + (noisy.flatten(1).numpy() - mean) @ weight.T


@pytest.mark.parametrize("sigma", SIGMAS)
def test_stationary_is_the_wiener_filter_of_the_covariance_averaged_over_shifts(sigma: float) -> None:
    centred = UNIT - UNIT.mean(0)
    shifts = [np.roll(centred, (row, column), (2, 3)) for row in range(5) for column in range(4)]
    covariance = np.mean([np.cov(shift.reshape(30, -1).T, bias=True) for shift in shifts], axis=0)
    denoiser = StationaryDenoiser.fit(IMAGES)
    expected = _wiener(_noisy(sigma), UNIT.mean(0).ravel(), covariance, sigma)
    np.testing.assert_allclose(denoiser(_noisy(sigma), sigma).flatten(1).numpy(), expected, atol=1e-6)


def test_stationary_gives_each_image_its_own_sigma() -> None:
    denoiser, noisy = StationaryDenoiser.fit(IMAGES), _noisy(1.0)
    sigmas = torch.tensor([0.1, 0.5, 1.0, 4.0, 20.0])
    alone = [denoiser(noisy[i : i + 1], float(sigma)) for i, sigma in enumerate(sigmas)]
    torch.testing.assert_close(denoiser(noisy, sigmas), torch.cat(alone), atol=1e-7, rtol=1e-6)


def _dense_mixture(mixture: MixtureDenoiser, noisy: torch.Tensor, sigma: float) -> np.ndarray:
    """Posterior mean by dense covariances: log det and inverse of each."""
    flat, logits, means = noisy.flatten(1).numpy(), [], []
    for part in mixture.parts:
        inside = part.eigenvectors @ part.eigenvectors.T
        covariance = (part.eigenvectors * part.eigenvalues) @ part.eigenvectors.T
        covariance = covariance + part.rest * (np.eye(len(inside)) - inside)
        whole, away = covariance + sigma**2 * np.eye(len(inside)), flat - part.mean
        length = np.einsum("bi,ij,bj->b", away, np.linalg.inv(whole), away)
        logits.append(np.log(part.count) - (length + np.linalg.slogdet(whole)[1]) / 2)
        means.append(_wiener(noisy, part.mean, covariance, sigma))
    weights = np.exp(logits - np.max(logits, axis=0))
    return (weights[:, :, None] * means).sum(0) / weights.sum(0)[:, None]


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("rank", [0, 3, 100])
def test_mixture_is_the_posterior_mean_of_dense_gaussians(sigma: float, rank: int) -> None:
    mixture = MixtureDenoiser.fit(IMAGES, 3, rank=rank)
    assert {len(part.eigenvalues) for part in mixture.parts} <= set(range(max(rank, 1) + 1))
    assert sum(part.count for part in mixture.parts) == 30
    expected = _dense_mixture(mixture, _noisy(sigma), sigma)
    np.testing.assert_allclose(mixture(_noisy(sigma), sigma).flatten(1).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_a_mixture_lies_between_the_gaussian_and_the_empirical_denoiser(sigma: float) -> None:
    noisy = _noisy(sigma)
    gaussian = GaussianDenoiser(spectrum.fit(IMAGES), dtype=torch.float64)
    torch.testing.assert_close(MixtureDenoiser.fit(IMAGES, 1)(noisy, sigma), gaussian(noisy, sigma))
    empirical = EmpiricalDenoiser(torch.from_numpy(IMAGES))
    torch.testing.assert_close(MixtureDenoiser.fit(IMAGES, 30, rank=0)(noisy, sigma), empirical(noisy, sigma))


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_more_clusters_than_different_images_are_refused() -> None:
    with pytest.raises(InputError, match=r"mixture-3 .* has 2 among its 6"):
        MixtureDenoiser.fit(np.repeat(IMAGES[:2], 3, axis=0), 3)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_patch_is_the_local_posterior_mean(sigma: float) -> None:
    noisy = _noisy(sigma, 2)
    bank = np.pad(UNIT[:7], ((0, 0), (0, 0), (1, 1), (1, 1)))
    around = np.pad(noisy.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)))
    positions = [(row, column) for row in range(5) for column in range(4)]
    keys = np.stack([image[:, r : r + 3, c : c + 3] for image in bank for r, c in positions])
    expected = np.empty(noisy.shape)
    for index, image in enumerate(around):
        for r, c in positions:
            logits = -np.square(image[:, r : r + 3, c : c + 3] - keys).sum((1, 2, 3)) / (2 * sigma**2)
            weights = np.exp(logits - logits.max())
            expected[index, :, r, c] = weights @ keys[:, :, 1, 1] / weights.sum()
    denoiser = PatchDenoiser(torch.from_numpy(IMAGES[:7]), 3)
    np.testing.assert_allclose(denoiser(noisy, sigma).numpy(), expected, atol=1e-9)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_patch_is_as_accurate_in_float32(sigma: float, monkeypatch: pytest.MonkeyPatch) -> None:
    denoiser, noisy = PatchDenoiser(torch.from_numpy(IMAGES), 3), _noisy(sigma, 2).float()
    exact = denoiser(noisy.double(), sigma)
    torch.testing.assert_close(denoiser(noisy, sigma).double(), exact, atol=1e-6, rtol=0)
    monkeypatch.setattr(patch, "TOGETHER", 7)
    torch.testing.assert_close(denoiser(noisy.double(), sigma), exact, atol=1e-12, rtol=0)


def test_patch_has_derivatives() -> None:
    denoiser = PatchDenoiser(torch.from_numpy(IMAGES[:7]), 3)
    noisy, sigma = _noisy(0.5, 1).requires_grad_(), torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(denoiser, (noisy, sigma))


def test_patch_is_equivariant_away_from_the_border_and_empirical_when_it_sees_everything() -> None:
    denoiser = PatchDenoiser(torch.from_numpy(IMAGES[:7]), 3)
    moved = torch.roll(_noisy(0.5), 1, dims=3)
    here, there = denoiser(_noisy(0.5), 0.5), denoiser(moved, 0.5)
    torch.testing.assert_close(there[..., 1:-1, 2:-1], here[..., 1:-1, 1:-2])
    one = torch.randint(0, 256, (9, 3, 1, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    noisy = torch.randn(4, 3, 1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(PatchDenoiser(one, 1)(noisy, 0.3), EmpiricalDenoiser(one)(noisy, 0.3))


@pytest.mark.parametrize("sigma", SIGMAS)
def test_shrunk_gaussian_is_the_wiener_filter_of_the_shrunk_covariance(sigma: float) -> None:
    dense = LedoitWolf().fit(UNIT.reshape(30, -1))
    shrunk = spectrum.fit(IMAGES).shrunk(spectrum.ledoit_wolf(IMAGES, spectrum.fit(IMAGES)))
    denoiser, noisy = GaussianDenoiser(shrunk, dtype=torch.float64), _noisy(sigma)
    expected = _wiener(noisy, dense.location_, dense.covariance_, sigma)
    np.testing.assert_allclose(denoiser(noisy, sigma).flatten(1).numpy(), expected, atol=1e-8)
    whole = dense.covariance_ @ np.linalg.inv(dense.covariance_ + sigma**2 * np.eye(40))
    np.testing.assert_allclose(denoiser.weight(sigma).numpy(), whole, atol=1e-8)
    centred = noisy.flatten(1).numpy() - dense.location_
    root = np.linalg.eigh(dense.covariance_)
    gain = np.sqrt((root[0] + 0.1**2) / (root[0] + sigma**2))
    moved = dense.location_ + (centred @ root[1] * gain) @ root[1].T
    np.testing.assert_allclose(denoiser.flow(noisy, sigma, 0.1).flatten(1).numpy(), moved, atol=1e-7)


def test_rank_keeps_the_leading_components() -> None:
    fitted, noisy = spectrum.fit(IMAGES), _noisy(0.5)
    first = fitted.eigenvectors[:, :4]
    expected = _wiener(noisy, fitted.mean, (first * fitted.eigenvalues[:4]) @ first.T, 0.5)
    denoiser = GaussianDenoiser(fitted, dtype=torch.float64, rank=4)
    np.testing.assert_allclose(denoiser(noisy, 0.5).flatten(1).numpy(), expected, atol=1e-8)


def test_the_expected_gaussian_is_the_mean_of_the_gaussians_of_many_subsets() -> None:
    """Subsets of independent normal images, whose Gaussian denoisers are averaged one noisy image at a time."""
    generator, count, sigma = np.random.default_rng(0), 24, 0.6
    full = spectrum.Spectrum(np.zeros(40), 4.0 / np.arange(1, 41), np.eye(40), 10**6)
    noisy = generator.normal(size=(3, 40)) * np.sqrt(full.eigenvalues + sigma**2)
    total, draws = np.zeros_like(noisy), 2000
    for _ in range(draws):
        rows = generator.normal(size=(count, 40)) * np.sqrt(full.eigenvalues)
        covariance = np.cov(rows.T, bias=True)
        total += noisy @ np.linalg.inv(covariance + sigma**2 * np.eye(40)) @ covariance / draws
    images = torch.from_numpy(noisy).reshape(3, 1, 5, 8)
    denoiser = ExpectedDenoiser(full, count - 1, dtype=torch.float64)  # the mean takes one
    found = denoiser(images, sigma).flatten(1).numpy()
    plain = GaussianDenoiser(full, dtype=torch.float64)(images, sigma).flatten(1).numpy()
    assert np.linalg.norm(found - total) < 0.03 * np.linalg.norm(total)
    assert np.linalg.norm(plain - total) > 4 * np.linalg.norm(found - total)
    several = torch.tensor([0.6, 3.0, 0.6])
    each = torch.cat([denoiser(images[k : k + 1], float(several[k])) for k in range(3)])
    torch.testing.assert_close(denoiser(images, several), each)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    arrays.save_array(folder / "images.npy", IMAGES)
    arrays.save_array(folder / "n20a/subset.npy", np.arange(20))
    fitted = spectrum.fit(IMAGES[:20])
    fitted.save(folder / "n20a/spectrum.safetensors", IMAGES.shape[1:])
    spectrum.fit(IMAGES).save(folder / "n30a/spectrum.safetensors", IMAGES.shape[1:])
    for name in ("gaussian-shrunk", "gaussian-expected", "stationary", "mixture-4"):
        path = folder / f"n20a/{name}/denoiser.safetensors"
        fit_reference(name, IMAGES[:20], path, spectrum=fitted, largest="n30a", seed=3)
    return folder


def test_references_open_by_their_ids(root: Path) -> None:
    fitted = spectrum.fit(IMAGES[:20])
    expected = {
        "gaussian-shrunk": GaussianDenoiser(fitted.shrunk(spectrum.ledoit_wolf(IMAGES[:20], fitted))),
        "gaussian-expected": ExpectedDenoiser(spectrum.fit(IMAGES), 20),
        "stationary": StationaryDenoiser.fit(IMAGES[:20]),
        "mixture-4": MixtureDenoiser.fit(IMAGES[:20], 4, seed=3),
        "patch-3": PatchDenoiser(torch.from_numpy(IMAGES[:20]), 3),
    }
    noisy = _noisy(0.5).float()
    for name, denoiser in expected.items():
        opened = open_denoiser(root, f"n20a/{name}", "cpu")
        torch.testing.assert_close(opened(noisy, 0.5), denoiser(noisy, 0.5), atol=1e-5, rtol=1e-5)


def test_the_file_of_a_mixture_keeps_the_variance_of_other_directions(tmp_path: Path) -> None:
    mixture, noisy = MixtureDenoiser.fit(IMAGES, 3, rank=3), _noisy(0.5)
    assert any(part.rest > 0 for part in mixture.parts)
    mixture.save(tmp_path / "denoiser.safetensors")
    again = MixtureDenoiser.load(tmp_path / "denoiser.safetensors")
    torch.testing.assert_close(again(noisy, 0.5), mixture(noisy, 0.5), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["gaussian-shrunk", "gaussian-expected", "stationary", "mixture-4", "patch-3"])
def test_a_reference_is_called_affine_that_keeps_affine_mixtures(name: str, root: Path) -> None:
    denoiser, noisy = open_denoiser(root, f"n20a/{name}", "cpu"), _noisy(0.5)
    weights = torch.tensor([2.0, 2.0, -1.0], dtype=noisy.dtype) / 3
    mixed, denoised = (torch.einsum("i,i...->...", weights, part[:3]) for part in (noisy, denoiser(noisy, 0.5)))
    gap = (denoiser(mixed[None], 0.5) - denoised).abs().max()
    assert reference_names.is_affine(name) == bool(gap < 1e-5)


@pytest.mark.parametrize("name", ["gaussian-shrunk", "gaussian-expected", "stationary", "mixture-4"])
def test_a_file_of_another_kind_is_named(name: str, tmp_path: Path) -> None:
    fitted = spectrum.fit(IMAGES)
    fitted.save(tmp_path / "n30a/spectrum.safetensors", IMAGES.shape[1:])
    arrays.save_tensors(tmp_path / f"n30a/{name}/denoiser.safetensors", {"other": np.zeros(1)})
    with pytest.raises(InputError, match=r"denoiser.safetensors (holds no|is not a) .* delete it and run again"):
        open_denoiser(tmp_path, f"n30a/{name}", "cpu")


def test_names_of_references() -> None:
    names = ["gaussian-shrunk", "gaussian-expected", "stationary", "mixture-8", "patch-3", "patch-11"]
    assert all(reference_names.is_configurable(name) for name in names)
    assert [reference_names.is_fitted(name) for name in names] == [True, True, True, True, False, False]
    assert not any(
        reference_names.is_configurable(name) for name in ("patch-4", "mixture-0", "mixture", "gaussian", "patch-")
    )
    assert reference_names.possible(names, "n7b") == [f"n7b/{name}" for name in names if name != "mixture-8"]
    with pytest.raises(InputError, match="names no denoiser"):
        open_denoiser(Path(), "n20a/patch-4")
