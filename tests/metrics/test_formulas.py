"""Metrics against direct formulas and exact nulls."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers import EmpiricalDenoiser, GaussianDenoiser
from hidden_gaussian.metrics.distance import output_quantities
from hidden_gaussian.metrics.linearity import affinity_quantities, mixture_quantities
from hidden_gaussian.metrics.memorisation import nearest_neighbours

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


def test_output_quantities() -> None:
    clean, noisy, denoised = torch.randn(3, 8, 2, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    found = output_quantities(clean, noisy, denoised)
    flat = denoised.flatten(1).numpy()
    np.testing.assert_allclose(found["norm_centred"].sum(), 8 * flat.var(axis=0).sum())
    np.testing.assert_allclose(found["loss"], np.square(flat - clean.flatten(1).numpy()).sum(1))
    residual = (noisy - denoised).flatten(1).numpy()
    np.testing.assert_allclose(found["residual_norm_centred"].sum(), 8 * residual.var(axis=0).sum())


@pytest.mark.parametrize("tile", [1, 3, 100])
def test_neighbours_equal_brute_force(tile: int) -> None:
    generator = np.random.default_rng(0)
    training = generator.normal(size=(50, 30)).astype(np.float32)
    samples = generator.normal(size=(9, 30)).astype(np.float32)
    samples[3] = training[41]
    distances = np.square(samples[:, None].astype(float) - training[None]).sum(-1)
    found = nearest_neighbours(samples, training, tile)
    np.testing.assert_array_equal(found.index, distances.argmin(1))
    np.testing.assert_allclose(found.nearest, np.sort(distances, 1)[:, 0])
    np.testing.assert_allclose(found.second, np.sort(distances, 1)[:, 1])
    assert found.nearest[3] == 0


@pytest.mark.parametrize("tile", [64, 1000])
def test_neighbours_that_a_product_cannot_tell_apart_are_found(tile: int) -> None:
    """Two hundred images nearer to each other than a float32 product of vectors of this length is exact."""
    generator = np.random.default_rng(0)
    samples = generator.uniform(0.8, 1, (3, 3000)).astype(np.float32)
    far = generator.uniform(-1, 1, (100, 3000)).astype(np.float32)
    near = samples[1] + generator.normal(size=(200, 3000)) * np.geomspace(1e-6, 1e-5, 200)[:, None]
    training = np.concatenate([far, generator.permutation(near)]).astype(np.float32)
    distances = np.square(samples[:, None].astype(float) - training[None]).sum(-1)
    rough = np.square(training).sum(1) - 2 * samples @ training.T
    assert distances[1].argmin() not in np.argpartition(rough[1], 8)[:8]
    found = nearest_neighbours(samples, training, tile)
    np.testing.assert_array_equal(found.index, distances.argmin(1))
    np.testing.assert_allclose(found.nearest, np.sort(distances, 1)[:, 0])
    np.testing.assert_allclose(found.second, np.sort(distances, 1)[:, 1])


def test_a_second_neighbour_that_a_product_cannot_tell_apart_is_found() -> None:
    """The nearest, a copy, is beyond doubt; two hundred others are as near as float32 products are exact."""
    generator = np.random.default_rng(0)
    sample = generator.uniform(0.8, 1, (1, 3000)).astype(np.float32)
    ways = generator.normal(size=(200, 3000))
    ways *= np.sqrt(1 + 1e-7 * np.arange(200))[:, None] / np.linalg.norm(ways, axis=1, keepdims=True)
    training = np.concatenate([sample, sample + ways]).astype(np.float32)
    distances = np.sort(np.square(sample.astype(float) - training).sum(-1))
    found = nearest_neighbours(sample, training)
    assert found.nearest[0] == 0
    assert found.second[0] == pytest.approx(distances[1], rel=1e-12)


@pytest.mark.parametrize("tile", [3, 1000])
def test_copies_are_at_no_distance_from_uint8_images(tile: int) -> None:
    training = np.random.default_rng(0).integers(0, 256, (60, 48), dtype=np.uint8)
    training[20] = training[50]  # a copy within the training images: then the second nearest is as near
    found = nearest_neighbours((training / np.float32(127.5) - 1).astype(np.float32), training, tile)
    assert (found.nearest == 0).all()
    assert (np.flatnonzero(found.second == 0) == [20, 50]).all()
    np.testing.assert_array_equal(found.index, [20 if i == 50 else i for i in range(60)])


@given(count=st.integers(1, 60), tile=st.integers(1, 70), seed=st.integers(0, 2**32), few=st.booleans())
def test_neighbours_do_not_depend_on_the_tile(count: int, tile: int, seed: int, few: bool) -> None:
    """Of any images, with many ties and copies where they have few grey levels; distances by brute force."""
    generator = np.random.default_rng(seed)
    training = generator.integers(0, 2 if few else 256, (count, 6), dtype=np.uint8) * np.uint8(255 if few else 1)
    samples = generator.normal(size=(5, 6)).astype(np.float32)
    samples[0] = (training[generator.integers(count)] / np.float32(127.5) - 1).astype(np.float32)
    unit = (training / np.float32(127.5) - 1).astype(np.float32).astype(float)
    distances = np.square(samples[:, None].astype(float) - unit).sum(-1)
    ordered = np.sort(np.column_stack([distances, np.full((5, 1), np.inf)]), axis=1)
    found = nearest_neighbours(samples, training, tile)
    np.testing.assert_allclose(found.nearest, ordered[:, 0], rtol=1e-12)
    np.testing.assert_allclose(found.second, ordered[:, 1], rtol=1e-12)
    np.testing.assert_allclose(distances[np.arange(5), found.index], ordered[:, 0], rtol=1e-12)


def test_one_training_image_has_no_second_neighbour() -> None:
    found = nearest_neighbours(np.ones((2, 5), np.float32), np.zeros((1, 5), np.float32))
    np.testing.assert_array_equal(found.nearest, [5, 5])
    assert np.isinf(found.second).all()
