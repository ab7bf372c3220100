"""Singular vectors of a linear map that is only known by its products, and the overlap of two subspaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

LEADING = 100  # Li et al. compare this many singular vectors
SPARE = 8  # extra directions, which make the iteration converge faster
RANKS = (1, 2, 5, 10, 20, 50, 100)

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class SingularTriplets:
    """The leading singular values of a linear map with their left and right vectors.

    Attributes
    ----------
    left, right : Tensor of shape (d, k)
        Orthonormal columns.
    values : Tensor of shape (k,)
        Descending.

    Examples
    --------
    >>> SingularTriplets(torch.eye(2), torch.tensor([3.0, 1.0]), torch.eye(2)).values.tolist()
    [3.0, 1.0]
    """

    left: Tensor
    values: Tensor
    right: Tensor


def leading_triplets(
    forward: Product, backward: Product, start: Tensor, count: int, *, tolerance: float = 1e-4, rounds: int = 30
) -> SingularTriplets:
    """Return the leading singular values and vectors of a linear map, by block power iteration.

    Parameters
    ----------
    forward, backward : callable
        Products of the map, and of its transpose, with a matrix of shape (d, k).
    start : Tensor of shape (d, k), k >= count
        A guess of the leading right vectors, with a few spare columns (:func:`pad_basis`).
    count : int
        Number of singular values.
    tolerance : float
        Stop when no value changes by more than this share of the largest.
    rounds : int
        Most iterations. Vectors of nearly equal values are arbitrary and do not settle.

    Examples
    --------
    >>> matrix = torch.diag(torch.tensor([3.0, 2.0, 1.0]))
    >>> found = leading_triplets(lambda v: matrix @ v, lambda u: matrix.T @ u, torch.eye(3), 2)
    >>> [round(value, 4) for value in found.values.tolist()]
    [3.0, 2.0]
    """
    right = torch.linalg.qr(start)[0]
    before = right.new_zeros(count)
    for _ in range(rounds):
        left = torch.linalg.qr(forward(right))[0]
        right, factor = torch.linalg.qr(backward(left))
        values = torch.linalg.svdvals(factor)[:count]
        if bool((values - before).abs().max() <= tolerance * values[0]):
            break
        before = values
    # left^T M = factor^T right^T: in both bases the map is a small matrix
    inner_left, values, inner_right = torch.linalg.svd(factor.T)
    return SingularTriplets((left @ inner_left)[:, :count], values[:count], (right @ inner_right.T)[:, :count])


def pad_basis(vectors: Tensor, count: int) -> Tensor:
    """Return the first columns of a basis, followed by random ones up to `count` and a few spare.

    Examples
    --------
    >>> pad_basis(torch.eye(100)[:, :3], 10).shape
    torch.Size([100, 18])
    """
    width = min(count + SPARE, len(vectors))
    chosen = vectors[:, :width]
    missing = width - chosen.shape[1]
    random = torch.randn(len(vectors), missing, generator=torch.Generator().manual_seed(0))
    return torch.cat([chosen, random.to(chosen)], dim=1)


def subspace_overlaps(first: Tensor, second: Tensor) -> dict[int, float]:
    """Return |A_r^T B_r|_F^2 of the first r columns of two orthonormal bases, for some ranks r.

    It is between 0 and r; two random subspaces have r^2 / d on average.

    Parameters
    ----------
    first, second : Tensor of shape (d, k), (d, m)

    Returns
    -------
    dict of float
        For the ranks 1, 2, 5, 10, 20, 50 and 100, up to the smaller of k and m.

    Examples
    --------
    >>> subspace_overlaps(torch.eye(4)[:, :2], torch.eye(4)[:, 1:3])
    {1: 0.0, 2: 1.0}
    """
    ranks = [rank for rank in RANKS if rank <= min(first.shape[1], second.shape[1])]
    if not ranks:
        return {}
    square = (first[:, : ranks[-1]].T @ second[:, : ranks[-1]].to(first)).square()
    return {rank: float(square[:rank, :rank].sum()) for rank in ranks}


def overlap_quantities(overlap: float, rank: int, size: int) -> dict[str, float]:
    """Return the overlap of two subspaces with its largest possible value and its mean over random subspaces.

    Parameters
    ----------
    overlap : float
        See :func:`subspace_overlaps`.
    rank : int
        Dimensions of both subspaces.
    size : int
        Dimensions d of the whole space.

    Examples
    --------
    >>> overlap_quantities(1.5, 2, 64)
    {'overlap': 1.5, 'overlap_whole': 2.0, 'overlap_random': 0.0625}
    """
    return {"overlap": overlap, "overlap_whole": float(rank), "overlap_random": rank**2 / size}
