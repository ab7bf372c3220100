"""The averaged Jacobian of a denoiser, by its products with random directions."""

from __future__ import annotations

import torch
from torch import Tensor

from hidden_gaussian.distillation.least_squares import AffineMap, Rows, blocks

PROBES = 64


def probes(size: int, count: int = PROBES) -> Tensor:
    """Return fixed standard normal directions v of shape (size, count), float64.

    The mean of |M v|^2 over them estimates |M|_F^2 with a relative error of at most about sqrt(2 / count).

    Examples
    --------
    >>> directions = probes(100)
    >>> directions.shape, torch.equal(directions, probes(100))
    (torch.Size([100, 64]), True)
    """
    return torch.randn(size, count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class SteinAverage:
    """The Jacobian of a denoiser averaged over noised images, without derivatives, for two halves of the pairs.

    Stein's identity, Cov(D, eps) = sigma E[J], holds for any denoiser, but its sampling error grows with D. Subtracting
    the least-squares map first, E[J] - W = Cov(D - W y - b, eps) / sigma, leaves only the error of the residual. For
    Gaussian images the residual is zero: the fit over all noised images (Li et al. eq. 9) is the mean Jacobian.

    Residuals of the m pairs that W was fitted to are too small by (m - d - 1) / m on average. Their covariance is
    therefore divided by m - d - 1, which leaves a bias of order 1 / m.

    Parameters
    ----------
    centre : Tensor of shape (d,)
    sigma : float
    parameters : int
        Fitted numbers in each row of W and b, d + 1; 0 with a ridge, whose residuals are not corrected.
    """

    def __init__(self, centre: Tensor, sigma: float, parameters: int = 0) -> None:
        self.centre, self.sigma, self.parameters = centre.double(), sigma, parameters
        self.directions = probes(len(centre)).to(centre.device)
        self.counts = [0, 0]
        self._noisy = self.directions.new_zeros(2, *self.directions.shape)
        self._denoised = torch.zeros_like(self._noisy)
        self._sums = self.directions.new_zeros(3, 2, len(centre))  # of noisy, denoised, noise

    def add(self, noisy: Tensor, denoised: Tensor, unit: Tensor, part: int) -> None:
        """Add a batch of pairs with their unit noise, all of shape (batch, channels, height, width)."""
        y, d = (images.flatten(1).double() - self.centre for images in (noisy, denoised))
        along = unit.flatten(1).double() @ self.directions
        self.counts[part] += len(y)
        self._noisy[part] += y.T @ along
        self._denoised[part] += d.T @ along
        for total, values in zip(self._sums, (y, d, unit.flatten(1).double()), strict=True):
            total[part] += values.sum(0)

    def beyond(self, part: int, affine: AffineMap) -> Tensor:
        """Return (E[J] - W) v for every direction v, of shape (d, PROBES), from one half and its map W."""
        noisy, denoised, unit = (total[part] for total in self._sums)
        along = unit @ self.directions / self.counts[part]
        outer = self._denoised[part] - torch.outer(denoised, along)
        inner = self._noisy[part] - torch.outer(noisy, along)
        return (outer - affine.weight @ inner) / ((self.counts[part] - self.parameters) * self.sigma)

    def quantities(self, first: AffineMap, second: AffineMap, gaussian: Rows) -> dict[str, float]:
        """Return squared Frobenius norms as products of two independent estimates, which makes them unbiased.

        Returns
        -------
        dict of float
            ``jacobian_linear`` |E[J] - W|^2, ``jacobian_gaussian`` |E[J] - W_G|^2.
        """
        fitted = first, second
        beyond = [self.beyond(part, affine) for part, affine in enumerate(fitted)]
        total = {"jacobian_linear": float((beyond[0] * beyond[1]).sum() / PROBES), "jacobian_gaussian": 0.0}
        for rows in blocks(len(self.centre)):
            own = gaussian(rows).double()
            apart = [
                gap[rows] + (affine.weight[rows] - own) @ self.directions
                for gap, affine in zip(beyond, fitted, strict=True)
            ]
            total["jacobian_gaussian"] += float((apart[0] * apart[1]).sum() / PROBES)
        return total
