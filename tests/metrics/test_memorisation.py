"""Nearest training images against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hidden_gaussian.metrics.memorisation import nearest_neighbours


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
