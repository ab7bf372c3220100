"""Duplicates within and between sets of images, against brute force."""

import numpy as np
import pytest

from hidden_gaussian.data import duplicates
from hidden_gaussian.data.duplicates import Duplicates
from toy_images import noise


def smooth(count, size, channels=3, seed=0):
    """Images with large structures, like photographs: coarse noise, interpolated."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (count, channels, 5, 5))
    at = np.linspace(0, 4, size)
    low = np.minimum(at.astype(int), 3)
    weights = np.zeros((size, 5))
    weights[np.arange(size), low], weights[np.arange(size), low + 1] = 1 - (at - low), at - low
    return np.rint(weights @ coarse @ weights.T).astype(np.uint8)


def near_by_brute_force(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    return np.mean((x - y) ** 2) <= duplicates.CONTRAST_SHARE**2 * x.std() * y.std()


@pytest.mark.parametrize("size", [16, 19, 28, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_near_duplicates_equal_brute_force(size, channels):
    images = smooth(60, size, channels)
    random = np.random.default_rng(1)
    copies = [
        np.clip(images[index] + random.normal(0, share * images[index].std(), images[index].shape), 0, 255)
        for index, share in enumerate(np.linspace(0.05, 0.4, 30))
    ]
    images = np.concatenate([images, np.array(copies).astype(np.uint8)])
    expected = {(a, b) for b in range(90) for a in range(b) if near_by_brute_force(images[a], images[b])}
    assert 5 < len(expected) < 25
    assert set(duplicates.find(images).groups) == expected


def test_equal_images_are_found_at_any_size_and_form_one_group():
    images = noise(20, size=8, channels=1)
    images[[3, 7, 12]] = images[3]
    images[15] = images[16]
    assert duplicates.find(images).groups == ((3, 7, 12), (15, 16))


def test_constant_images_are_duplicates_only_when_equal():
    images = noise(6)
    images[1], images[2], images[3] = 200, 201, 200
    assert duplicates.find(images).groups == ((1, 3),)


def test_many_copies_of_one_image_are_one_group():
    images = np.repeat(smooth(1, 16), 3000, axis=0)
    images[:, 0, 0, 0] = np.arange(3000) % 256
    images[:, 0, 0, 1] = np.arange(3000) // 256
    assert duplicates.find(images).groups == (tuple(range(3000)),)


def test_the_size_of_blocks_does_not_matter(monkeypatch):
    images = smooth(50, 16)
    images[40:] = images[:10] // 2 * 2
    expected = duplicates.find(images)
    assert len(expected.groups) == 10
    monkeypatch.setattr(duplicates, "_TILE", 7)
    monkeypatch.setattr(duplicates, "_PAIRS", 2)
    assert duplicates.find(images) == expected


@pytest.mark.parametrize("size", [8, 16])
def test_held_out_images_among_the_training_images_are_found(size):
    images = smooth(30, size)
    heldout = smooth(10, size, seed=1)
    heldout[4] = images[21]
    near = images[11] // 2 * 2
    heldout[6] = near
    expected = ((4, 21), (6, 11)) if size == 16 else ((4, 21),)
    assert duplicates.find(images, heldout).heldout == expected


def test_duplicates_round_trip(tmp_path):
    found = Duplicates(((1, 2), (4, 7, 9)), ((0, 3),))
    duplicates.save(tmp_path / "d.json", found)
    assert duplicates.load(tmp_path / "d.json") == found


def test_the_search_for_near_images_can_be_switched_off() -> None:
    images = np.random.default_rng(0).integers(0, 250, (10, 1, 16, 16), np.uint8)
    images[3], images[7] = images[0] + 1, images[5]
    assert duplicates.find(images).groups == ((0, 3), (5, 7))
    equal = duplicates.find(images, near=False)
    assert equal.groups == ((5, 7),)
    assert str(equal).startswith("2 images are equal or nearly equal to another, in 1 groups")
