"""Second moments of (noisy, denoised) pairs in little memory, and the affine maps fitted from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from scipy.linalg import blas, lapack
from torch import Tensor

from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import OR_RIDGE

BLOCK = 1024  # rows of a matrix at a time
Rows = Callable[[slice], Tensor]  # computes some rows of a d x d matrix that is never stored whole


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
        """Apply the map to a batch of shape (batch, channels, height, width), in its precision."""
        flat = noisy.flatten(1).to(self.weight) - self.centre
        return (flat @ self.weight.T + self.bias).to(noisy).reshape(noisy.shape)

    @property
    def intercept(self) -> Tensor:
        """The offset b in the form W x + b."""
        return self.bias - self.weight @ self.centre


@dataclass(frozen=True)
class Ridge:
    """A penalty on the distance to a weight matrix W_G, which shrinks a fit towards W_G instead of zero.

    Attributes
    ----------
    penalty : float
        Weight of |W - W_G|_F^2 relative to the mean squared error of a pair.
    rows : callable
        Rows of W_G.
    """

    penalty: float
    rows: Rows


class Moments:
    """Running first and second moments of pairs, separately for two parts of the pairs.

    Two parts take three d x d matrices: the symmetric moments of the inputs share one array of d + 1 rows, a triangle
    each, and each part has a matrix of cross moments. Solving overwrites them. Sums are in float64: the lowest noise
    has a variance of 4e-6 next to pixel variances of hundreds, too small for float32.

    Parameters
    ----------
    centre : Tensor of shape (d,)
        Subtracted from both images of a pair, so that large common means do not cost digits.
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
        """Add a batch of pairs, both of shape (batch, channels, height, width)."""
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
            Whether more pairs may follow, after :meth:`restore`. The maps take the place of the cross moments; until
            then one more matrix is needed.

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
        """Turn the maps of ``solve(keep=True)`` back into the cross moments; do not use the maps afterwards."""
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
    """Return slices that cover the rows of a matrix block by block.

    Examples
    --------
    >>> list(blocks(1500))
    [slice(0, 1024, None), slice(1024, 1500, None)]
    """
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))


def product(left: Tensor, right: Tensor) -> Tensor:
    """Return a matrix product; on a CPU by numpy, whose BLAS is faster on some machines."""
    if left.device.type == "cpu":
        return torch.from_numpy(left.numpy() @ right.numpy())
    return left @ right


def _triangle(squares: Tensor, part: int) -> Tensor:
    """Return the d x d view whose upper (part 0) or lower (part 1) triangle, with the diagonal, belongs to a part."""
    return squares[:-1] if part == 0 else squares[1:]


def _add_square(triangle: Tensor, rows: Tensor, *, upper: bool, factor: float = 1.0) -> None:
    """Add factor rows^T rows to one triangle; the other one belongs to the other part and stays as it is."""
    for part in blocks(len(triangle)):
        if upper:
            own = product(rows[:, part].T, rows[:, part.start :]).triu()
            triangle[part, part.start :].add_(own, alpha=factor)
        else:
            own = product(rows[:, part].T, rows[:, : part.stop]).tril(part.start)
            triangle[part, : part.stop].add_(own, alpha=factor)


def _divide(cross: Tensor, triangle: Tensor, *, upper: bool) -> None:
    """Overwrite C with C A^-1, and a triangle of A with its Cholesky factor; on a CPU without a copy."""
    # LAPACK stores matrices by columns: ours are transposed there, and an upper triangle is a lower one
    factor, failed = lapack.dpotrf(triangle.cpu().numpy().T, lower=upper, clean=False, overwrite_a=True)
    if failed:
        raise InputError(
            f"the noisy images span too few dimensions for an affine map: raise distillation.draws, {OR_RIDGE}"
        )
    solution, _ = lapack.dpotrs(factor, cross.cpu().numpy().T, lower=upper, overwrite_b=True)
    cross.copy_(torch.from_numpy(solution.T))
