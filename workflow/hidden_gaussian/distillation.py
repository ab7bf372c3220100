"""Linear distillation: the affine map nearest to a denoiser, exact from streamed second moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import Denoiser, LinearDenoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.progress import shown

BATCH = 512


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
        flat = noisy.flatten(1).double() - self.centre
        return (flat @ self.weight.T + self.bias).to(noisy).reshape(noisy.shape)

    @property
    def intercept(self) -> Tensor:
        """b of the form W x + b."""
        return self.bias - self.weight @ self.centre


class Moments:
    """Running first and second moments of (noisy, denoised) pairs; the pairs themselves are not kept.

    Parameters
    ----------
    centre : Tensor of shape (d,)
        Subtracted from both, so that large common means do not cost digits.
    """

    def __init__(self, centre: Tensor) -> None:
        size = len(centre)
        self.centre = centre.double()
        self.count = 0
        self.noisy, self.denoised = self.centre.new_zeros(size), self.centre.new_zeros(size)
        self.square, self.cross = self.centre.new_zeros(size, size), self.centre.new_zeros(size, size)

    def add(self, noisy: Tensor, denoised: Tensor) -> None:
        """Take in a batch of pairs, each of shape (batch, channels, height, width)."""
        y = noisy.flatten(1).double() - self.centre
        d = denoised.flatten(1).double() - self.centre
        self.count += len(y)
        self.noisy += y.sum(0)
        self.denoised += d.sum(0)
        self.square += y.T @ y
        self.cross += d.T @ y

    def __add__(self, other: Moments) -> Moments:
        total = Moments(self.centre)
        total.count = self.count + other.count
        for name in ("noisy", "denoised", "square", "cross"):
            getattr(total, name).add_(getattr(self, name)).add_(getattr(other, name))
        return total

    def solve(self) -> AffineMap:
        """Return the least-squares affine map (Li et al. eq. 9), W = Cov(D, y) Cov(y)^-1.

        Raises
        ------
        InputError
            If there are too few pairs to determine it.
        """
        size = len(self.centre)
        if self.count <= size + 1:
            raise InputError(
                f"an affine map of {size} pixels cannot be fitted to {self.count} pairs; raise distillation.draws "
                f"above {2 * (size + 1)} (two halves are fitted apart)"
            )
        noisy, denoised = self.noisy / self.count, self.denoised / self.count
        square = self.square / self.count - torch.outer(noisy, noisy)
        cross = self.cross / self.count - torch.outer(denoised, noisy)
        factor = torch.linalg.cholesky(square)
        weight = torch.cholesky_solve(cross.T, factor).T
        return AffineMap(weight, denoised - weight @ noisy + self.centre, self.centre)


@dataclass(frozen=True)
class Distilled:
    """Affine maps of the two halves of the pairs, and of all of them, after a number of draws."""

    draws: int
    first: AffineMap
    second: AffineMap
    both: AffineMap


def milestones(draws: int, size: int) -> list[int]:
    """Return the numbers of pairs after which maps are solved: a quarter, a half, all; those that determine a map."""
    return [count for count in (draws // 4, draws // 2, draws) if count // 2 > size + 1 or count == draws]


def pair_half(pair: int, images: int, *, by_image: bool = False) -> int:
    """Return which half of the cross-fit a pair belongs to.

    Pair p is image p mod `images` in round p div `images`. By image, the halves share none, as is right where
    these images stand for others like them. Otherwise an image changes halves from round to round: both halves know
    every image, with independent noise, as is right where these are all there are, such as the training set.
    """
    return (pair % images + (0 if by_image else pair // images)) % 2


def distil(
    denoiser: Denoiser,
    clean: Tensor,
    sigma: float,
    *,
    draws: int,
    centre: Tensor,
    seed: int,
    purpose: str,
    by_image: bool = False,
) -> Iterator[Distilled]:
    """Yield the affine maps nearest to a denoiser at one noise level, at growing numbers of pairs.

    Parameters
    ----------
    denoiser : Denoiser
    clean : Tensor of shape (images, channels, height, width)
        The images that are noised, cyclically.
    draws : int
        Pairs in all; the last maps use every one of them.
    centre : Tensor of shape (d,)
        Any fixed image; see :class:`Moments`.
    purpose : str
        Names the noise: the same name gives the same noise for every denoiser and level.
    by_image : bool
        Whether the two halves of the pairs share no image, see :func:`pair_half`.
    """
    stops = milestones(draws, centre.numel())
    halves = (Moments(centre), Moments(centre))
    edges = sorted({*range(0, draws, BATCH), *stops, 0})
    for start, end in pairwise(edges):
        pairs = range(start, end)
        noisy = noisy_images(clean, pairs, sigma, seed=seed, purpose=purpose)
        denoised = denoiser(noisy, sigma)
        parts = [pair_half(pair, len(clean), by_image=by_image) for pair in pairs]
        membership = torch.tensor(parts, device=noisy.device)
        for half, moments in enumerate(halves):
            moments.add(noisy[membership == half], denoised[membership == half])
        if end in stops:
            yield Distilled(end, halves[0].solve(), halves[1].solve(), (halves[0] + halves[1]).solve())


def noisy_images(clean: Tensor, pairs: Sequence[int], sigma: float, *, seed: int, purpose: str) -> Tensor:
    """Return image p mod N plus sigma times the p-th noise, for some p."""
    images = clean[torch.tensor(pairs, device=clean.device) % len(clean)]
    return images + sigma * noise.noise_for(pairs, clean.shape[1:], seed=seed, purpose=purpose).to(clean.device)


def weight_quantities(distilled: Distilled, gaussian: Tensor) -> dict[str, float]:
    """Return what tells a distilled weight matrix from the Gaussian's, as sums over entries.

    Parameters
    ----------
    gaussian : Tensor of shape (d, d)
        W_G(sigma) of the training subset.
    """
    gaussian = gaussian.double()
    weight = distilled.both.weight
    first, second = distilled.first.weight - gaussian, distilled.second.weight - gaussian
    return {
        "weight_mismatch": float((first * second).sum()),
        "weight_gap": float((weight - gaussian).square().sum()),
        "gaussian_weight": float(gaussian.square().sum()),
        "linear_weight": float(weight.square().sum()),
        "asymmetry": float((weight - weight.T).square().sum()),
    }


def distil_levels(denoiser: Denoiser, clean: Tensor, *, draws: int, mean: Tensor, seed: int) -> LinearDenoiser:
    """Return the distilled denoiser at the ten levels that the sampler of Li et al. visits.

    Parameters
    ----------
    clean : Tensor of shape (images, channels, height, width)
        Images not trained on, where there are any.
    mean : Tensor of shape (channels, height, width)
    """
    sigmas = noise.schedule(10)
    weights, biases = [], []
    with shown("distil", draws * len(sigmas)) as done:
        for number, sigma in enumerate(sigmas.tolist(), start=1):
            *_, last = distil(
                denoiser, clean, sigma, draws=draws, centre=mean.flatten(), seed=seed, purpose="distillation/kept"
            )
            weights.append(last.both.weight.float())
            biases.append(last.both.intercept.float())
            done(number * draws)
    return LinearDenoiser(torch.from_numpy(sigmas), torch.stack(weights), torch.stack(biases))
