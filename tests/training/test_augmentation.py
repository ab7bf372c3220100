"""Augmentation against closed forms: flips, shifts, rotations, moments, labels and their distributions."""

import math

import numpy as np
import pytest
import torch

from hidden_gaussian.training import augmentation
from hidden_gaussian.training.augmentation import mirror, warp


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def augment(images, *, probability, generator):
    return augmentation.augment(images, augmentation.draw(len(images), probability=probability, generator=generator))


def photographs(count=3, side=16):
    return torch.randn(count, 3, side, side, generator=generator(7))


def backward(**parameters):
    """The map of one image, from its nonzero parameters."""
    names = ["mirrored", "upside_down", "scale", "angle", "axis", "anisotropy", "right", "down"]
    row = [float(parameters.get(name, 0)) for name in names]
    return augmentation._backward_map(torch.tensor([row], dtype=torch.float64))


def test_probability_zero_mirrors_half_of_the_images_only_and_labels_them():
    images = photographs(100)
    moved, labels = augment(images, probability=0, generator=generator())
    mirrored = labels[:, 0] == 1
    assert 30 < mirrored.sum() < 70
    assert torch.equal(moved, torch.where(mirrored[:, None, None, None], images.flip(3), images))
    assert not labels[:, 1:].any()


def test_flips_are_exact():
    images = photographs()
    yes, no = torch.tensor([True, False, True]), torch.tensor([False, False, True])
    mirrored = mirror(images, yes, no)
    assert torch.equal(mirrored[0], torch.from_numpy(images[0].numpy()[:, :, ::-1].copy()))
    assert torch.equal(mirrored[1], images[1])
    assert torch.equal(mirrored[2], torch.from_numpy(images[2].numpy()[:, ::-1, ::-1].copy()))


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -2), (-1, 5)])
def test_whole_pixel_shifts_move_pixels_and_reflect_at_the_border(right, down):
    images, side = photographs(1).double(), 16
    units = 1 / (augmentation.TRANSLATE_STD * side)  # one pixel, in parameters
    moved = warp(images, backward(right=right * units, down=down * units))
    padded = torch.from_numpy(np.pad(images[0].numpy(), ((0, 0), (8, 8), (8, 8)), mode="symmetric"))
    expected = padded[:, 8 - down : 8 - down + side, 8 - right : 8 - right + side]
    torch.testing.assert_close(moved[0], expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_equal_rot90(quarters):
    images = photographs(1).double()
    moved = warp(images, backward(angle=quarters * math.pi / 2))
    torch.testing.assert_close(moved, images.rot90(-quarters, (2, 3)), atol=1e-12, rtol=0)


def blob(side=64):
    """Coordinates of the pixels, and a round Gaussian off the centre."""
    axis = (torch.arange(side, dtype=torch.float64) + 0.5) * 2 / side - 1
    down, right = torch.meshgrid(axis, axis, indexing="ij")
    return right, down, torch.exp(-((right - 0.2) ** 2 + (down + 0.1) ** 2) / (2 * 0.1**2))


def moments(image, right, down):
    mass = image / image.sum()
    x, y = (mass * right).sum(), (mass * down).sum()
    return torch.stack([x, y, (mass * (right - x) ** 2).sum().sqrt(), (mass * (down - y) ** 2).sum().sqrt()])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"scale": 1}, (0.2 * 2**0.2, -0.1 * 2**0.2, 0.1 * 2**0.2, 0.1 * 2**0.2)),
        ({"anisotropy": 2}, (0.2 * 2**0.4, -0.1 * 2**-0.4, 0.1 * 2**0.4, 0.1 * 2**-0.4)),
        ({"anisotropy": 2, "axis": math.pi / 2}, (0.2 * 2**-0.4, -0.1 * 2**0.4, 0.1 * 2**-0.4, 0.1 * 2**0.4)),
        ({"right": 1, "down": -2}, (0.2 + 0.25, -0.1 - 0.5, 0.1, 0.1)),
        ({"scale": 1, "right": 1}, (0.2 * 2**0.2 + 0.25, -0.1 * 2**0.2, 0.1 * 2**0.2, 0.1 * 2**0.2)),
    ],
)
def test_maps_move_a_gaussian_as_their_closed_form(parameters, expected):
    right, down, image = blob()
    moved = warp(image[None, None], backward(**parameters))[0, 0]
    torch.testing.assert_close(
        moments(moved, right, down), torch.tensor(expected, dtype=torch.float64), atol=2e-3, rtol=0
    )


def test_maps_undo_scaling_rotation_anisotropic_scaling_and_shift_in_this_order():
    def turn(angle):
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    along, shift = 2 ** (0.2 * -1.3), 0.25 * np.array([[0.5], [-0.8]])
    forward = turn(1.1) @ np.diag([along, 1 / along]) @ turn(-1.1) @ turn(0.4) * 2 ** (0.2 * 0.7)
    found = backward(scale=0.7, angle=0.4, axis=1.1, anisotropy=-1.3, right=0.5, down=-0.8)[0].numpy()
    points = np.random.default_rng(0).normal(size=(2, 5))
    np.testing.assert_allclose(found[:, :2] @ (forward @ points + shift) + found[:, 2:], points, atol=1e-12)


def test_images_that_do_not_move_are_unchanged():
    images = photographs(64)
    moved, labels = augment(images, probability=0.15, generator=generator(1))
    still = ~labels[:, 2:].any(1)
    assert 10 < still.sum() < 60
    expected = mirror(images, labels[:, 0] == 1, labels[:, 1] == 1)
    assert torch.equal(moved[still], expected[still])
    assert not any(torch.equal(a, b) for a, b in zip(moved[~still], expected[~still], strict=True))


def test_labels_have_the_distributions_of_the_paper():
    count, probability = 40_000, 0.3
    _, labels = augment(torch.zeros(count, 1, 1, 1), probability=probability, generator=generator(2))
    applied = (labels != 0).double().mean(0)
    expected = [
        0.5,
        0.15,
        0.3,
        0.3,
        0.3,
        0.3,
        0.15,
        0.3,
        0.3,
    ]  # the axis is tilted half of the time
    torch.testing.assert_close(applied, torch.tensor(expected, dtype=torch.float64), atol=0.012, rtol=0)
    for column in (2, 7, 8):
        values = labels[:, column][labels[:, column] != 0]
        assert values.std().item() == pytest.approx(1, abs=0.03)
    assert torch.equal(labels[:, 7] != 0, labels[:, 8] != 0)


def test_turns_and_axes_are_uniform_over_the_circle():
    parameters = augmentation.draw(40_000, probability=1, generator=generator(6))
    angle, axis = parameters[:, 3], parameters[:, 4]
    for turns in (angle, axis[axis != 0]):
        quantiles = np.quantile(turns.numpy() / math.pi, [0, 0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(quantiles, [-1, -0.5, 0, 0.5, 1], atol=0.03)
    assert parameters[:, 5].std().item() == pytest.approx(1, abs=0.03)


def test_labels_are_functions_of_the_parameters():
    parameters = augmentation.draw(200, probability=0.5, generator=generator(6))
    _, labels = augmentation.augment(torch.zeros(200, 1, 1, 1).double(), parameters)
    a0, a1, a2, a3, a4, a5, a6, a7 = parameters.numpy().T
    expected = [a0, a1, a2, np.cos(a3) - 1, np.sin(a3), a5 * np.cos(a4), a5 * np.sin(a4), a6, a7]
    np.testing.assert_allclose(labels.numpy(), np.stack(expected, 1), atol=1e-12)


def test_operations_are_chosen_independently():
    _, labels = augment(torch.zeros(40_000, 1, 1, 1), probability=0.5, generator=generator(3))
    applied = (labels[:, [0, 1, 2, 4, 5, 7]] != 0).double()
    correlation = torch.corrcoef(applied.T) - torch.eye(6, dtype=torch.float64)
    assert correlation.abs().max() < 0.025


def test_same_generator_same_images():
    first = augment(photographs(), probability=0.5, generator=generator(4))
    again = augment(photographs(), probability=0.5, generator=generator(4))
    other = augment(photographs(), probability=0.5, generator=generator(5))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])


def test_oblong_images_are_refused():
    with pytest.raises(ValueError, match="square"):
        augment(torch.zeros(1, 3, 4, 5), probability=0.5, generator=generator())
