"""Splits: held-out images, nested subsets, disjoint halves, duplicates in one half."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hidden_gaussian.data import duplicates, splits
from hidden_gaussian.data.duplicates import Duplicates
from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import save_array
from toy_images import noise


@pytest.mark.parametrize("heldout", [0, 1, 20])
@pytest.mark.parametrize("total", [100, 101])
def test_every_image_is_used_once_and_duplicates_are_before_the_middle(heldout, total):
    images = noise(total)
    groups = ((2, 50), (7, 8, 99))
    split = splits.split(images, heldout, seed=3, found=Duplicates(groups))
    assert len(split.heldout) == heldout
    assert sorted([*split.heldout, *split.order]) == list(range(total))
    members = {2, 50, 7, 8, 99}
    assert not members & set(split.heldout.tolist())
    middle = len(split.order) // 2
    assert set(split.order[middle - 5 : middle].tolist()) == members
    a, b = (set(splits.subset_indices(split, middle, half).tolist()) for half in "ab")
    assert members <= a
    assert not a & b


def test_a_split_searches_duplicates():
    images = noise(40)
    images[30] = images[5]
    split = splits.split(images, 10, seed=0)
    assert set(split.order[13:15].tolist()) == {5, 30}


def test_a_split_depends_on_the_seed_alone():
    images = noise(60)
    one, again, other = (splits.split(images, 10, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.order, again.order)
    assert (one.order != other.order).any()
    fewer = splits.split(images, 5, seed=1)
    np.testing.assert_array_equal(fewer.heldout, one.heldout[:5])


@pytest.mark.parametrize(("total", "heldout", "most"), [(40, 0, 20), (41, 0, 20), (40, 8, 16), (40, 9, 15)])
def test_more_duplicates_than_a_half_can_contain_are_refused(total, heldout, most):
    images = noise(total, channels=1)
    images[:most] = images[0]
    split = splits.split(images, heldout, seed=0)
    assert set(split.order[:most].tolist()) == set(range(most))
    images[most] = images[0]
    with pytest.raises(InputError, match=rf"^x\.heldout: {most + 1} of {total} images .* expected at most {most},"):
        splits.split(images, heldout, seed=0, key="x.heldout")


@pytest.mark.parametrize("half", ["a", "b"])
def test_subsets_of_a_half_are_nested(half):
    split = splits.split(noise(50), 10, seed=0)
    large = splits.subset_indices(split, 40, half)
    assert sorted(large) == sorted(split.order)
    for size in (1, 7, 39):
        np.testing.assert_array_equal(splits.subset_indices(split, size, half), large[:size])


def test_split_round_trips(tmp_path):
    split = splits.split(noise(20), 0, seed=0)
    splits.save_split(tmp_path / "s.safetensors", split)
    loaded = splits.load_split(tmp_path / "s.safetensors")
    np.testing.assert_array_equal(loaded.order, split.order)
    assert loaded.heldout.shape == (0,)
    assert loaded.heldout.dtype == np.int64


def test_the_remainder_is_in_neither_half_and_has_no_duplicates():
    images = noise(50)
    found = Duplicates(((1, 2),))
    split = splits.split(images, 10, seed=0, found=found)
    rest = set(splits.remainder(split, 15, found).tolist())
    a, b = (set(splits.subset_indices(split, 15, half).tolist()) for half in "ab")
    assert rest == set(split.order.tolist()) - a - b - {1, 2}
    assert len(splits.remainder(split, 25, found)) == 0


@pytest.mark.parametrize(
    ("size", "apart", "message"),
    [
        (41, False, "datasets.x: 41 training images; expected at most all 40"),
        (21, True, "datasets.x: halves a and b of 21 images each; expected at most 20"),
    ],
)
def test_too_large_subsets_are_refused(size, apart, message):
    split = splits.split(noise(50), 10, seed=0)
    with pytest.raises(InputError, match=message):
        splits.subset_indices(split, size, "a", apart=apart, key="datasets.x")
    assert len(splits.subset_indices(split, size - 1, "a", apart=apart)) == size - 1


@pytest.mark.parametrize("heldout", [17, 18, 30])
def test_too_many_held_out_images_are_refused(heldout):
    images = noise(18)
    images[17] = images[0]
    with pytest.raises(InputError, match=f"datasets.x.heldout: {heldout} of 18 images; expected at most the 16"):
        splits.split(images, heldout, seed=0, key="datasets.x.heldout")


@st.composite
def any_split(draw):
    """Any images, any groups of duplicates that one half can contain, and any number of held-out images."""
    total = draw(st.integers(2, 60))
    labels = draw(st.lists(st.integers(0, 2 * total), min_size=total, max_size=total))
    groups = [tuple(index for index, other in enumerate(labels) if other == label) for label in set(labels)]
    found = Duplicates(tuple(sorted(group for group in groups if len(group) > 1)))
    spare = total - 2 * len(found.members)  # one half can contain the duplicates
    assume(spare >= 0)
    heldout = draw(st.integers(0, min(spare, total - 1)))
    images = np.zeros((total, 1, 4, 4), np.uint8)  # never read, because the duplicates are known
    return found, splits.split(images, heldout, draw(st.integers(0, 2**32)), found=found), heldout, total


@given(drawn=any_split(), data=st.data())
def test_subsets_of_any_images_are_nested_and_halves_disjoint(drawn, data):
    found, split, heldout, total = drawn
    assert sorted([*split.heldout, *split.order]) == list(range(total))
    assert len(split.heldout) == heldout
    assert not set(found.members) & set(split.heldout.tolist())
    trained = total - heldout
    size = data.draw(st.integers(0, trained))
    smaller = data.draw(st.integers(0, size))
    halves = {half: splits.subset_indices(split, size, half).tolist() for half in "ab"}
    for half, images in halves.items():
        assert len(set(images)) == size
        assert set(images) <= set(split.order.tolist())
        assert splits.subset_indices(split, smaller, half).tolist() == images[:smaller]
    shared = set(halves["a"]) & set(halves["b"])
    assert len(shared) == max(0, 2 * size - trained)
    # of two disjoint halves, only a has duplicates
    if 2 * size <= trained:
        assert not set(found.members) & set(halves["b"])


def test_a_held_out_source_of_training_images_is_refused() -> None:
    training = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
    found = duplicates.find(training, training[:20])
    with pytest.raises(InputError, match=r"datasets\.x\.heldout: 20 of 20 images .* leaves 0; expected at least 16;"):
        splits.check_heldout(found, 20, key="datasets.x.heldout")
    others = np.concatenate([training[:20], 255 - training[:16]])
    splits.check_heldout(duplicates.find(training, others), 36)


def test_a_subset_of_another_size_than_its_folder_says_is_refused(tmp_path) -> None:
    for folder in ("n3a", "n2b", "mine"):
        save_array(tmp_path / folder / "subset.npy", np.arange(2))
    with pytest.raises(InputError, match="has 2 indices; expected 3"):
        splits.load_subset(tmp_path / "n3a/subset.npy")
    assert splits.load_subset(tmp_path / "n2b/subset.npy").tolist() == [0, 1]
    assert splits.load_subset(tmp_path / "mine/subset.npy").tolist() == [0, 1]
