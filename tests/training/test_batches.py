"""Batches: order, noise and flips have their distributions and depend on seed and step alone."""

import numpy as np
import pytest
import torch

from hidden_gaussian.pixels import from_unit
from hidden_gaussian.storage import arrays
from hidden_gaussian.training import batches
from hidden_gaussian.training.state import TrainingState
from toy_images import PIXELS
from toy_training import COUNT, assert_same, recipe, run, small_network


def test_every_epoch_shows_every_image_once_in_a_new_order():
    shown = batches.positions(0, 5 * COUNT, COUNT, seed=4).reshape(5, COUNT)
    assert all(sorted(row) == list(range(COUNT)) for row in shown.tolist())
    assert len({tuple(row) for row in shown.tolist()}) == 5


@pytest.mark.parametrize("size", [1, 5, 7, 64])
def test_the_order_does_not_depend_on_the_batch(size):
    whole = batches.positions(0, 60, size, seed=4)
    pieces = [batches.positions(start, 6, size, seed=4) for start in range(0, 60, 6)]
    assert np.array_equal(whole, np.concatenate(pieces))


def test_batches_follow_the_order():
    pixels = np.arange(64, dtype=np.uint8).reshape(64, 1, 1, 1)
    plain, cpu = recipe(batch=16, augment=0, x_flip=False), torch.device("cpu")
    steps = [batches.draw(pixels, step, plain, 1, cpu).clean.flatten() for step in range(4)]
    shown = from_unit(torch.cat(steps)).round().int().tolist()
    assert shown == batches.positions(0, 64, 64, seed=1).tolist()


def test_batches_are_functions_of_seed_and_step():
    def draw(step, seed):
        return batches.draw(PIXELS, step, recipe(), seed, torch.device("cpu"), layers=2)

    draw(6, 1)
    for first, again, later, other in zip(draw(5, 1), draw(5, 1), draw(6, 1), draw(5, 2), strict=True):
        assert torch.equal(first, again)
        assert not torch.equal(first, later)
        assert not torch.equal(first, other)


def test_noise_and_noise_levels_have_their_distributions():
    pixels = np.zeros((20_000, 1, 2, 2), np.uint8)
    batch = batches.draw(pixels, 0, recipe(batch=20_000, augment=0, x_flip=False), 1, torch.device("cpu"))
    assert torch.equal(batch.clean, -torch.ones_like(batch.clean))
    assert batch.labels is None
    assert batch.sigma.log().mean().item() == pytest.approx(-1.2, abs=0.03)
    assert batch.sigma.log().std().item() == pytest.approx(1.2, abs=0.03)
    assert batch.noise.mean().item() == pytest.approx(0, abs=0.015)
    assert batch.noise.std().item() == pytest.approx(1, abs=0.015)


def test_every_step_mirrors_another_half_of_the_images():
    pixels = np.zeros((4000, 1, 1, 2), np.uint8)
    pixels[..., 1] = 255
    settings, cpu = recipe(batch=4000, augment=0), torch.device("cpu")
    clean, other = (batches.draw(pixels, step, settings, 1, cpu).clean for step in (0, 1))
    assert set(map(tuple, clean[:, 0, 0].tolist())) == {(-1.0, 1.0), (1.0, -1.0)}
    assert (clean[:, 0, 0, 0] == 1).float().mean().item() == pytest.approx(0.5, abs=0.04)
    assert not torch.equal(clean, other)


def test_dropout_keys_are_odd():
    keys = batches.draw(PIXELS, 0, recipe(batch=64), 1, torch.device("cpu"), layers=3).keys
    assert (keys % 2 == 1).all()


def test_a_subset_of_mapped_images_reads_the_requested_images_only(tmp_path, monkeypatch):
    indices = np.array([7, 2, 9, 0, 5])
    arrays.save_array(tmp_path / "images.npy", PIXELS)
    mapped = arrays.load_array(tmp_path / "images.npy", mmap=True)
    subset = batches.SubsetImages(mapped, indices)
    whole = PIXELS[indices]
    assert (len(subset), subset.shape, subset.nbytes) == (5, whole.shape, whole.nbytes)
    assert np.array_equal(subset[np.array([3, 3, 1])], whole[[3, 3, 1]])
    monkeypatch.setattr(batches, "BLOCK", 2)
    assert [len(block) for block in batches.blocks(subset)] == [2, 2, 1]
    states = [TrainingState.start(small_network()) for _ in range(2)]
    for state, pixels in zip(states, (subset, whole), strict=True):
        run(state, recipe(), 24, pixels)
    assert_same(*states)
