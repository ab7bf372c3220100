"""Streamed least squares against numpy's, whatever the blocks."""

import numpy as np
import pytest
import torch

from hidden_gaussian.distillation import least_squares
from hidden_gaussian.distillation.least_squares import Moments, Ridge

SHAPE = (1, 3, 4)


def _pairs(count: int = 500) -> torch.Tensor:
    return torch.randn(2, count, *SHAPE, generator=torch.Generator().manual_seed(0)).double()


def _least_squares(noisy: torch.Tensor, denoised: torch.Tensor) -> np.ndarray:
    design = np.c_[noisy.flatten(1).numpy(), np.ones(len(noisy))]
    return np.linalg.lstsq(design, denoised.flatten(1).numpy(), rcond=None)[0]


@pytest.mark.parametrize("block", [1, 5, 1024])
def test_both_parts_are_least_squares(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(least_squares, "BLOCK", block)
    noisy, denoised = _pairs()
    found = Moments(torch.randn(12, generator=torch.Generator().manual_seed(1)))
    for start in range(0, 500, 77):
        part = slice(start, start + 77)
        found.add(noisy[part], denoised[part], start // 77 % 2)
    first = torch.arange(500) // 77 % 2 == 0
    for affine, own in zip(found.solve(), (first, ~first), strict=True):
        expected = _least_squares(noisy[own], denoised[own])
        np.testing.assert_allclose(affine.weight.numpy(), expected[:-1].T, atol=1e-10)
        np.testing.assert_allclose(affine.intercept.numpy(), expected[-1], atol=1e-10)
        outputs = affine(noisy).flatten(1).numpy()
        np.testing.assert_allclose(outputs, np.c_[noisy.flatten(1), np.ones(500)] @ expected, atol=1e-9)


@pytest.mark.parametrize("ridge", [None, Ridge(0.3, lambda rows: 2 * torch.eye(12)[rows])])
def test_sums_go_on_after_a_solution(ridge: Ridge | None) -> None:
    noisy, denoised = _pairs()
    found, straight = Moments(torch.ones(12), ridge=ridge), Moments(torch.ones(12), ridge=ridge)
    for part in (0, 1):
        found.add(noisy[part:300:2], denoised[part:300:2], part)
        straight.add(noisy[part::2], denoised[part::2], part)
    found.solve(keep=True)
    found.restore()
    for part in (0, 1):
        found.add(noisy[300 + part :: 2], denoised[300 + part :: 2], part)
    for one, other in zip(found.solve(), straight.solve(), strict=True):
        torch.testing.assert_close(one.weight, other.weight, atol=1e-12, rtol=1e-9)
        torch.testing.assert_close(one.bias, other.bias, atol=1e-12, rtol=1e-9)


def test_ridge_solves_its_own_equation() -> None:
    """Ridge equals least squares with added pairs sqrt(n penalty) (e_i, W_G e_i), intercept aside."""
    noisy, denoised = _pairs(60)
    target = torch.randn(12, 12, generator=torch.Generator().manual_seed(2)).double()
    found = Moments(torch.zeros(12), parts=1, ridge=Ridge(0.5, lambda rows: target[rows]))
    found.add(noisy, denoised)
    y, d = (images.flatten(1) - images.flatten(1).mean(0) for images in (noisy, denoised))
    strength = (60 * 0.5) ** 0.5
    left = torch.cat([y, strength * torch.eye(12).double()])
    right = torch.cat([d, strength * target.T])
    expected = torch.linalg.lstsq(left, right).solution.T
    torch.testing.assert_close(found.solve()[0].weight, expected, atol=1e-10, rtol=1e-9)


def test_three_matrices_hold_two_halves() -> None:
    """One level at most: two triangles in one matrix, two cross moments, and no copy where the maps are solved."""
    found = Moments(torch.zeros(12))
    noisy, denoised = _pairs()
    for part in (0, 1):
        found.add(noisy[part::2], denoised[part::2], part)
    held = sum(value.numel() for value in [found._squares, *found._crosses])
    assert held == 3 * 12 * 12 + 12
    places = [cross.data_ptr() for cross in found._crosses]
    assert [affine.weight.data_ptr() for affine in found.solve()] == places
