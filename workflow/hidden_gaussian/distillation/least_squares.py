"""Second moments of (noisy, denoised) pairs in little memory, and the affine maps that they determine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from scipy.linalg import blas, lapack
from torch import Tensor

from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import OR_RIDGE

BLOCK = 1024  # rows of a matrix at a time
Rows = Callable[[slice], Tensor]  # some rows of a d x d matrix that is never held whole


@dataclass(frozen=True)
class AffineMap:
    """x -> weight (x - centre) + bias.

    Attributes
    ----------
    weight : Tensor of shape (d, d), float64
    bias, centre : Tensor of shape (d,), float64
    """

    weight: Tensor
    bias: Tensor
    centre: Tensor

    def __call__(self, noisy: Tensor) -> Tensor:
        """Return the image of a batch of shape (batch, channels, height, width), in its precision."""
        flat = noisy.flatten(1).to(self.weight) - self.centre
        return (flat @ self.weight.T + self.bias).to(noisy).reshape(noisy.shape)

    @property
    def intercept(self) -> Tensor:
        """b of the form W x + b."""
        return self.bias - self.weight @ self.centre


@dataclass(frozen=True)
class Ridge:
    """A penalty on the distance to a weight matrix W_G, which shrinks a fit towards it, and not towards zero.

    Attributes
    ----------
    penalty : float
        Weight of |W - W_G|_F^2 beside the mean squared error of a pair.
    rows : callable
        Rows of W_G.
    """

    penalty: float
    rows: Rows


class Moments:
    """Running first and second moments of pairs, kept apart for two parts of them; the pairs are not kept.

    Two parts take three d x d matrices: the moments of the inputs, which are symmetric, lie in the two triangles of one
    array of d + 1 rows, and the cross moments in one matrix each. Solving overwrites them. Sums are in float64: the
    least noise has a variance of 4e-6 beside pixel variances of hundreds, which float32 does not hold apart.

    Parameters
    ----------
    centre : Tensor of shape (d,)
        Subtracted from both, so that large common means do not cost digits.
    parts : {1, 2}
    ridge : Ridge, optional
        Default: plain least squares.
    """

    def __init__(self, centre: Tensor, parts: int = 2, ridge: Ridge | None = None) -> None:
        size = len(centre)
        self.centre, self.ridge = centre.double(), ridge
        self.counts = [0] * parts
        self.noisy, self.denoised = self.centre.new_zeros(parts, size), self.centre.new_zeros(parts, size)
        self._squares = self.centre.new_zeros(size + 1, size)
        self._crosses = [self.centre.new_zeros(size, size) for _ in range(parts)]

    def add(self, noisy: Tensor, denoised: Tensor, part: int = 0) -> None:
        """Take in a batch of pairs, each of shape (batch, channels, height, width)."""
        y, d = (images.flatten(1).double() - self.centre for images in (noisy, denoised))
        self.counts[part] += len(y)
        self.noisy[part] += y.sum(0)
        self.denoised[part] += d.sum(0)
        _add_square(_triangle(self._squares, part), y, upper=part == 0)
        for rows in blocks(len(self.centre)):
            self._crosses[part][rows] += product(d[:, rows].T, y)

    def solve(self, *, keep: bool = False) -> list[AffineMap]:
        """Return the least-squares affine map of each part (Li et al. eq. 9), W = Cov(D, y) Cov(y)^-1.

        Parameters
        ----------
        keep : bool
            Whether more pairs may follow, after :meth:`restore`: the maps lie where the cross moments were. Takes one
            more matrix meanwhile.

        Raises
        ------
        InputError
            If there are too few pairs to determine the maps.
        """
        size, parts = len(self.centre), len(self.counts)
        if min(self.counts) <= size + 1 and self.ridge is None:
            raise InputError(
                f"an affine map of {size} pixels cannot be fitted to {min(self.counts)} pairs; raise "
                f"distillation.draws above {parts * (size + 1)}, {OR_RIDGE}"
            )
        squares = self._squares.clone() if keep else self._squares
        return [self._solve(part, _triangle(squares, part)) for part in range(parts)]

    def _solve(self, part: int, square: Tensor) -> AffineMap:
        count, cross = self.counts[part], self._crosses[part]
        noisy, denoised = self.noisy[part] / count, self.denoised[part] / count
        _add_square(square, noisy[None], upper=part == 0, factor=-count)
        for rows in blocks(len(cross)):
            cross[rows] -= count * torch.outer(denoised[rows], noisy)
            if self.ridge:
                cross[rows] += count * self.ridge.penalty * self.ridge.rows(rows).to(cross)
        if self.ridge:
            square.diagonal().add_(count * self.ridge.penalty)
        _divide(cross, square, upper=part == 0)
        return AffineMap(cross, denoised - cross @ noisy + self.centre, self.centre)

    def restore(self) -> None:
        """Turn the maps of :meth:`solve` with `keep` back into the cross moments; they must not be used any more."""
        for part, (count, cross) in enumerate(zip(self.counts, self._crosses, strict=True)):
            noisy, denoised = self.noisy[part] / count, self.denoised[part] / count
            square = _triangle(self._squares, part).cpu().numpy().T
            for rows in blocks(len(cross)):
                weight = cross[rows].clone()
                times = blas.dsymm(1.0, square, weight.cpu().numpy().T, lower=part == 0)
                cross[rows] = torch.from_numpy(times.T).to(cross)
                cross[rows] += count * torch.outer(denoised[rows] - weight @ noisy, noisy)
                if self.ridge:
                    cross[rows] += count * self.ridge.penalty * (weight - self.ridge.rows(rows).to(cross))


def blocks(size: int) -> Iterator[slice]:
    """Return slices that cover the rows of a matrix, a block at a time."""
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))


def product(left: Tensor, right: Tensor) -> Tensor:
    """Return a matrix product; on a CPU through numpy, whose BLAS is the faster one on some machines."""
    if left.device.type == "cpu":
        return torch.from_numpy(left.numpy() @ right.numpy())
    return left @ right


def _triangle(squares: Tensor, part: int) -> Tensor:
    """Return the d x d view whose upper (part 0) or lower (part 1) triangle, with diagonal, belongs to a part."""
    return squares[:-1] if part == 0 else squares[1:]


def _add_square(triangle: Tensor, rows: Tensor, *, upper: bool, factor: float = 1.0) -> None:
    """Add factor rows^T rows to one triangle, and leave the other alone."""
    for part in blocks(len(triangle)):
        if upper:
            own = product(rows[:, part].T, rows[:, part.start :]).triu()
            triangle[part, part.start :].add_(own, alpha=factor)
        else:
            own = product(rows[:, part].T, rows[:, : part.stop]).tril(part.start)
            triangle[part, : part.stop].add_(own, alpha=factor)


def _divide(cross: Tensor, triangle: Tensor, *, upper: bool) -> None:
    """Overwrite C by C A^-1, and a triangle of A by its Cholesky factor; on a CPU nothing is copied."""
    # LAPACK counts by columns, so that a matrix of rows is its transpose, and an upper triangle a lower one
    factor, failed = lapack.dpotrf(triangle.cpu().numpy().T, lower=upper, clean=False, overwrite_a=True)
    if failed:
        raise InputError(
            f"the noisy images span too few dimensions for an affine map: raise distillation.draws, {OR_RIDGE}"
        )
    solution, _ = lapack.dpotrs(factor, cross.cpu().numpy().T, lower=upper, overwrite_b=True)
    cross.copy_(torch.from_numpy(solution.T))
