"""Splits: held-out images, nested subsets, halves apart, duplicates on one side."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hidden_gaussian.data import duplicates
from hidden_gaussian.data import splits as subsets
from hidden_gaussian.data.duplicates import Duplicates
from hidden_gaussian.errors import InputError
from toy_images import noise


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


@pytest.mark.parametrize(("total", "heldout", "room"), [(40, 0, 20), (41, 0, 20), (40, 8, 16), (40, 9, 15)])
def test_duplicates_that_one_half_cannot_take_are_refused(total, heldout, room):
    images = noise(total, channels=1)
    images[:room] = images[0]
    split = subsets.split(images, heldout, seed=0)
    assert set(split.order[:room].tolist()) == set(range(room))
    images[room] = images[0]
    with pytest.raises(
        InputError, match=rf"^{room + 1} of the {total} images .* x\.heldout is {heldout} one half has room for {room},"
    ):
        subsets.split(images, heldout, seed=0, key="x.heldout")


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
    """Any images with any groups of duplicates that one half can take, and any number to hold out of the others."""
    total = draw(st.integers(2, 60))
    labels = draw(st.lists(st.integers(0, 2 * total), min_size=total, max_size=total))
    groups = [tuple(index for index, other in enumerate(labels) if other == label) for label in set(labels)]
    found = Duplicates(tuple(sorted(group for group in groups if len(group) > 1)))
    room = total - 2 * len(found.members)  # so that one half can take the duplicates
    assume(room >= 0)
    heldout = draw(st.integers(0, min(room, total - 1)))
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
    # of two disjoint halves, only a has duplicates
    if 2 * size <= trained:
        assert not set(found.members) & set(halves["b"])


def test_held_out_images_that_are_all_training_images_are_refused() -> None:
    training = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
    found = duplicates.find(training, training[:20])
    with pytest.raises(InputError, match=r"datasets\.x\.heldout: of its 20 images 20 .* leaves 0; expected .* 16 that"):
        subsets.check_heldout(found, 20, key="datasets.x.heldout")
    others = np.concatenate([training[:20], 255 - training[:16]])
    subsets.check_heldout(duplicates.find(training, others), 36)
