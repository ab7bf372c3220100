"""Block power iteration against LAPACK, overlaps that are known, and weights against dense matrices."""

import numpy as np
import pytest
import torch

from hidden_gaussian.distillation.weights import component_quantities, singular_quantities, weight_quantities
from hidden_gaussian.metrics.alignment import leading_triplets, overlap_quantities, pad_basis, subspace_overlaps


def _matrix(size: int = 40) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(size, size, generator=generator).double())[0] for _ in range(2))
    return (left * 0.8 ** torch.arange(size)) @ right.T


def test_leading_equals_the_full_decomposition() -> None:
    matrix = _matrix()
    left, values, right = torch.linalg.svd(matrix)
    start = pad_basis(torch.zeros(40, 0).double(), 6)
    found = leading_triplets(lambda v: matrix @ v, lambda u: matrix.T @ u, start, 6, tolerance=1e-12, rounds=200)
    torch.testing.assert_close(found.values, values[:6], rtol=1e-9, atol=0)
    torch.testing.assert_close((found.left.T @ left[:, :6]).abs(), torch.eye(6).double(), atol=1e-4, rtol=0)
    torch.testing.assert_close((found.right.T @ right.T[:, :6]).abs(), torch.eye(6).double(), atol=1e-4, rtol=0)


def test_overlaps_of_the_same_of_other_and_of_random_spaces() -> None:
    basis = torch.eye(60).double()
    assert subspace_overlaps(basis, basis[:, :20]) == {1: 1, 2: 2, 5: 5, 10: 10, 20: 20}
    assert subspace_overlaps(basis[:, :5], basis[:, 10:])[5] == 0
    generator = torch.Generator().manual_seed(0)
    drawn = [
        subspace_overlaps(*(torch.linalg.qr(torch.randn(60, 5, generator=generator).double())[0] for _ in range(2)))[5]
        for _ in range(400)
    ]
    assert abs(np.mean(drawn) - overlap_quantities(0.0, 5, 60)["overlap_random"]) < 4 * np.std(drawn) / 20


def test_components_of_two_fits() -> None:
    matrix, generator = _matrix(), torch.Generator().manual_seed(1)
    first, second = (matrix + 1e-3 * torch.randn(40, 40, generator=generator).double() for _ in range(2))
    vectors = torch.linalg.svd(matrix)[0]
    values, found = singular_quantities(first, second, vectors)
    exact = torch.linalg.svdvals((first + second) / 2)
    torch.testing.assert_close(values, exact, rtol=1e-6, atol=1e-10)
    assert 4.9 < found[5]["overlap"] <= 5
    assert 4.9 < found[5]["overlap_ceiling"] <= 5
    gains = component_quantities(first, second, vectors, torch.linspace(1, 0.1, 40))
    expected = torch.diagonal(vectors.T @ (first + second) @ vectors) / 2
    torch.testing.assert_close(gains["gain"], expected, rtol=1e-9, atol=1e-12)


def test_overlap_is_the_mean_of_both_fits() -> None:
    first = torch.diag(2.0 ** -torch.arange(12)).double()
    second = first.roll(1, 0)  # whose first left vector is the second component
    found = singular_quantities(first, second, torch.eye(12).double())[1]
    assert found[1]["overlap"] == pytest.approx(0.5, abs=1e-3)
    assert found[1]["overlap_ceiling"] == pytest.approx(0, abs=1e-3)


def test_weight_quantities_by_dense_matrices() -> None:
    one, two, own = np.random.default_rng(0).normal(size=(3, 9, 9))
    mean = (one + two) / 2
    found = weight_quantities(torch.from_numpy(one), torch.from_numpy(two), lambda rows: torch.from_numpy(own)[rows])
    expected = {
        "weight_mismatch": ((one - own) * (two - own)).sum(),
        "weight_gap": np.square(mean - own).sum(),
        "gaussian_weight": np.square(own).sum(),
        "linear_weight": np.square(mean).sum(),
        "linear_product": (one * two).sum(),
        "asymmetry": np.square(mean - mean.T).sum(),
        "asymmetry_product": ((one - one.T) * (two - two.T)).sum(),
    }
    assert found == pytest.approx(expected)
