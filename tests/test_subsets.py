"""Splits: held-out images, nested subsets, halves apart, duplicates on one side."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hidden_gaussian import duplicates, subsets
from hidden_gaussian.duplicates import Duplicates
from hidden_gaussian.errors import InputError


def noise(count, size=16, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, channels, size, size), dtype=np.uint8)


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
def test_near_duplicates_are_those_of_brute_force(size, channels):
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


def test_tiles_do_not_change_what_is_found(monkeypatch):
    images = smooth(50, 16)
    images[40:] = images[:10] // 2 * 2
    expected = duplicates.find(images)
    assert len(expected.groups) == 10
    monkeypatch.setattr(duplicates, "_TILE", 7)
    monkeypatch.setattr(duplicates, "_PAIRS", 2)
    assert duplicates.find(images) == expected


@pytest.mark.parametrize("size", [8, 16])
def test_held_out_images_that_are_training_images_are_found(size):
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


@pytest.mark.parametrize("heldout", [0, 1, 20])
@pytest.mark.parametrize("total", [100, 101])
def test_every_image_is_used_once_and_duplicates_lie_before_the_middle(heldout, total):
    images = noise(total)
    groups = ((2, 50), (7, 8, 99))
    split = subsets.split(images, heldout, seed=3, found=Duplicates(groups))
    assert len(split.heldout) == heldout
    assert sorted([*split.heldout, *split.order]) == list(range(total))
    members = {2, 50, 7, 8, 99}
    assert not members & set(split.heldout.tolist())
    middle = len(split.order) // 2
    assert set(split.order[middle - 5 : middle].tolist()) == members
    a, b = (set(subsets.subset_indices(split, middle, half).tolist()) for half in "ab")
    assert members <= a
    assert not a & b


def test_split_finds_the_duplicates_itself():
    images = noise(40)
    images[30] = images[5]
    split = subsets.split(images, 10, seed=0)
    assert set(split.order[13:15].tolist()) == {5, 30}


def test_split_depends_on_the_seed_alone():
    images = noise(60)
    one, again, other = (subsets.split(images, 10, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.order, again.order)
    assert (one.order != other.order).any()
    fewer = subsets.split(images, 5, seed=1)
    np.testing.assert_array_equal(fewer.heldout, one.heldout[:5])


def test_more_duplicates_than_half_still_use_every_image_once():
    images = np.zeros((10, 1, 16, 16), np.uint8)
    images[8:] = noise(2, channels=1)
    split = subsets.split(images, 1, seed=0)
    assert sorted([*split.heldout, *split.order]) == list(range(10))
    assert split.heldout[0] in (8, 9)


@pytest.mark.parametrize("half", ["a", "b"])
def test_subsets_of_a_half_are_nested_beginnings(half):
    split = subsets.split(noise(50), 10, seed=0)
    large = subsets.subset_indices(split, 40, half)
    assert sorted(large) == sorted(split.order)
    for size in (1, 7, 39):
        np.testing.assert_array_equal(subsets.subset_indices(split, size, half), large[:size])


def test_split_round_trips(tmp_path):
    split = subsets.split(noise(20), 0, seed=0)
    subsets.save_split(tmp_path / "s.safetensors", split)
    loaded = subsets.load_split(tmp_path / "s.safetensors")
    np.testing.assert_array_equal(loaded.order, split.order)
    assert loaded.heldout.shape == (0,)
    assert loaded.heldout.dtype == np.int64


def test_the_remainder_is_in_neither_half_and_has_no_duplicates():
    images = noise(50)
    found = Duplicates(((1, 2),))
    split = subsets.split(images, 10, seed=0, found=found)
    rest = set(subsets.remainder(split, 15, found).tolist())
    a, b = (set(subsets.subset_indices(split, 15, half).tolist()) for half in "ab")
    assert rest == set(split.order.tolist()) - a - b - {1, 2}
    assert len(subsets.remainder(split, 25, found)) == 0


@pytest.mark.parametrize(
    ("size", "apart", "message"),
    [
        (41, False, "datasets.x asks for 41 training images, but there are 40"),
        (21, True, "datasets.x asks for halves a and b of 21 images each, .* at most 20"),
    ],
)
def test_too_large_subsets_are_refused(size, apart, message):
    split = subsets.split(noise(50), 10, seed=0)
    with pytest.raises(InputError, match=message):
        subsets.subset_indices(split, size, "a", apart=apart, key="datasets.x")
    assert len(subsets.subset_indices(split, size - 1, "a", apart=apart)) == size - 1


@pytest.mark.parametrize("heldout", [17, 18, 30])
def test_too_many_held_out_images_are_refused(heldout):
    images = noise(18)
    images[17] = images[0]
    with pytest.raises(InputError, match=f"datasets.x.heldout asks to hold out {heldout} .* only 16 have no"):
        subsets.split(images, heldout, seed=0, key="datasets.x.heldout")


@st.composite
def splits(draw):
    """Any images with any groups of duplicates, and any number to hold out of those that have none."""
    total = draw(st.integers(2, 60))
    labels = draw(st.lists(st.integers(0, 2 * total), min_size=total, max_size=total))
    groups = [tuple(index for index, other in enumerate(labels) if other == label) for label in set(labels)]
    found = Duplicates(tuple(sorted(group for group in groups if len(group) > 1)))
    singles = total - sum(len(group) for group in found.groups)
    heldout = draw(st.integers(0, min(singles, total - 1)))
    images = np.zeros((total, 1, 4, 4), np.uint8)  # never looked at, for the duplicates are given
    return found, subsets.split(images, heldout, draw(st.integers(0, 2**32)), found=found), heldout, total


@given(drawn=splits(), data=st.data())
def test_of_any_images_subsets_are_nested_and_halves_apart(drawn, data):
    found, split, heldout, total = drawn
    assert sorted([*split.heldout, *split.order]) == list(range(total))
    assert len(split.heldout) == heldout
    assert not set(found.members) & set(split.heldout.tolist())
    trained = total - heldout
    size = data.draw(st.integers(0, trained))
    smaller = data.draw(st.integers(0, size))
    halves = {half: subsets.subset_indices(split, size, half).tolist() for half in "ab"}
    for half, images in halves.items():
        assert len(set(images)) == size
        assert set(images) <= set(split.order.tolist())
        assert subsets.subset_indices(split, smaller, half).tolist() == images[:smaller]
    shared = set(halves["a"]) & set(halves["b"])
    assert len(shared) == max(0, 2 * size - trained)
    # of two disjoint halves, only a has duplicates where they are no more than it
    if 2 * size <= trained and len(found.members) <= trained // 2:
        assert not set(found.members) & set(halves["b"])


def test_held_out_images_that_are_all_training_images_are_refused() -> None:
    training = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
    found = duplicates.find(training, training[:20])
    with pytest.raises(InputError, match=r"datasets\.x\.heldout: of its 20 images 20 .* leaves 0; expected at least 8"):
        subsets.check_heldout(found, 20, key="datasets.x.heldout")
    others = np.concatenate([training[:20], 255 - training[:8]])
    subsets.check_heldout(duplicates.find(training, others), 28)


def test_the_search_for_near_images_can_be_switched_off() -> None:
    images = np.random.default_rng(0).integers(0, 250, (10, 1, 16, 16), np.uint8)
    images[3], images[7] = images[0] + 1, images[5]
    assert duplicates.find(images).groups == ((0, 3), (5, 7))
    equal = duplicates.find(images, near=False)
    assert equal.groups == ((5, 7),)
    assert str(equal).startswith("2 images are equal or nearly equal to another, in 1 groups")
