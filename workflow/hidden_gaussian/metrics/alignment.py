"""Singular vectors of a map that is known only by its products, and how far two subspaces overlap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

LEADING = 100  # singular vectors that Li et al. compare
SPARE = 8  # directions beyond those wanted, which make the iteration converge faster
RANKS = (1, 2, 5, 10, 20, 50, 100)

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Singular:
    """Leading singular values and vectors of a map.

    Attributes
    ----------
    left, right : Tensor of shape (d, k)
        Orthonormal columns.
    values : Tensor of shape (k,)
        Descending.
    """

    left: Tensor
    values: Tensor
    right: Tensor


def leading(
    forward: Product, backward: Product, start: Tensor, count: int, *, tolerance: float = 1e-4, rounds: int = 30
) -> Singular:
    """Return the leading singular values and vectors of a map by block power iteration.

    Parameters
    ----------
    forward, backward : callable
        Products of the map, and of its transpose, with a matrix of shape (d, k).
    start : Tensor of shape (d, k), k >= count
        Where to begin: a good guess of the leading right vectors, and some to spare.
    count : int
        How many.
    tolerance : float
        Stop when no wanted value changes by more than this share of the largest.
    rounds : int
        At most so many; where values lie close together, vectors are arbitrary and do not settle.
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
    # left^T M = factor^T right^T: the map seen through both bases is small
    inner_left, values, inner_right = torch.linalg.svd(factor.T)
    return Singular((left @ inner_left)[:, :count], values[:count], (right @ inner_right.T)[:, :count])


def padded(vectors: Tensor, count: int) -> Tensor:
    """Return the first columns of a basis with random ones behind, `count` and some spare, fewer in a small space."""
    wanted = min(count + SPARE, len(vectors))
    chosen = vectors[:, :wanted]
    missing = wanted - chosen.shape[1]
    random = torch.randn(len(vectors), missing, generator=torch.Generator().manual_seed(0))
    return torch.cat([chosen, random.to(chosen)], dim=1)


def overlaps(first: Tensor, second: Tensor) -> dict[int, float]:
    """Return |A_r^T B_r|_F^2 of the first r columns of two orthonormal bases, for every rank r that both have.

    Between 0 and r; two random subspaces have r^2 / d on average.
    """
    ranks = [rank for rank in RANKS if rank <= min(first.shape[1], second.shape[1])]
    if not ranks:
        return {}
    square = (first[:, : ranks[-1]].T @ second[:, : ranks[-1]].to(first)).square()
    return {rank: float(square[:rank, :rank].sum()) for rank in ranks}


def overlap_quantities(overlap: float, rank: int, size: int) -> dict[str, float]:
    """Return an overlap with its largest possible value and what random subspaces of `size` dimensions have."""
    return {"overlap": overlap, "overlap_whole": float(rank), "overlap_random": rank**2 / size}
