"""Linear distillation: the affine map nearest to a denoiser, exact from streamed second moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from hidden_gaussian import noise
from hidden_gaussian.denoisers import Denoiser, GaussianDenoiser, LinearDenoiser
from hidden_gaussian.distillation.least_squares import AffineMap, Moments, Ridge, Rows
from hidden_gaussian.distillation.stein import SteinAverage
from hidden_gaussian.jobs import progress_bar

BATCH = 1024  # pairs between two visits of the matrices
LARGE = 4096  # pixels times channels; a matrix in float64 takes 134 MB there, and 1.2 GB at 64 x 64 x 3


@dataclass(frozen=True)
class Fit:
    """What a linear map is fitted to, and how.

    Attributes
    ----------
    clean : Tensor of shape (images, channels, height, width)
        The images that are noised, cyclically.
    draws : int
        Pairs in all.
    seed : int
    purpose : str
        Names the noise: the same name gives the same noise for every denoiser and level.
    by_image : bool
        Whether the two halves of the pairs share no image, see :func:`pair_half`; an odd last image is not used then.
    ridge : float
        Penalty on |W - W_G|_F^2 in units of sigma^2; 0 is plain least squares.
    """

    clean: Tensor
    draws: int
    seed: int
    purpose: str
    by_image: bool = False
    ridge: float = 0.0

    @property
    def images(self) -> int:
        """The number N of images that are noised: even by image, so that both halves have as many pairs."""
        return len(self.clean) - (len(self.clean) % 2 if self.by_image else 0)

    def noised(self, pairs: Sequence[int], sigma: float) -> tuple[Tensor, Tensor]:
        """Return image p mod N plus sigma times the p-th noise, for some p, and that noise."""
        return noised(self.clean[: self.images], pairs, sigma, seed=self.seed, purpose=self.purpose)


@dataclass(frozen=True)
class Distilled:
    """Affine maps of the two halves of the pairs, after a number of draws.

    Attributes
    ----------
    draws : int
    first, second : AffineMap
    stein : SteinAverage
        What tells the averaged Jacobian from them.
    """

    draws: int
    first: AffineMap
    second: AffineMap
    stein: SteinAverage

    def __call__(self, noisy: Tensor) -> Tensor:
        """Return the mean of both maps of a batch of images."""
        return (self.first(noisy) + self.second(noisy)) / 2


def milestones(draws: int, size: int) -> list[int]:
    """Return the numbers of pairs after which maps are solved: a quarter, a half, all; those that determine a map.

    Of large images, of `size` pixels above `LARGE`, only all: maps on the way take a matrix more.
    """
    if size > LARGE:
        return [draws]
    return [count for count in (draws // 4, draws // 2, draws) if count // 2 > size + 1 or count == draws]


def pair_half(pair: int, images: int, *, by_image: bool = False) -> int:
    """Return which half of the cross-fit a pair belongs to.

    Pair p is image p mod `images` in round p div `images`. By image, the halves share none, as is right where
    these images stand for others like them. Otherwise an image changes halves from round to round: both halves know
    every image, with independent noise, as is right where these are all there are, such as the training set.
    """
    return (pair % images + (0 if by_image else pair // images)) % 2


def distil(denoiser: Denoiser, fit: Fit, sigma: float, gaussian: GaussianDenoiser) -> Iterator[Distilled]:
    """Yield the affine maps nearest to a denoiser at one noise level, at growing numbers of pairs.

    Three d x d matrices in float64 are held throughout, and a fourth while maps of fewer than all pairs are in use,
    which is up to d = 4,096 only: each :class:`Distilled` is valid only until the next is asked for.

    Parameters
    ----------
    denoiser : Denoiser
    fit : Fit
    sigma : float
        Standard deviation of the noise.
    gaussian : GaussianDenoiser
        Its mean is subtracted from all images; a ridge shrinks the map towards it.

    Raises
    ------
    InputError
        If there are too few pairs, and no ridge.
    """
    moments = Moments(gaussian.mean, ridge=_ridge(fit, sigma, gaussian))
    stein = SteinAverage(gaussian.mean, sigma, parameters=0 if fit.ridge else len(gaussian.mean) + 1)
    for end, pairs in _batches(fit.draws, milestones(fit.draws, gaussian.mean.numel())):
        noisy, unit = fit.noised(pairs, sigma)
        denoised = denoiser(noisy, sigma)
        parts = [pair_half(pair, fit.images, by_image=fit.by_image) for pair in pairs]
        membership = torch.tensor(parts, device=noisy.device)
        for part in (0, 1):
            own = membership == part
            moments.add(noisy[own], denoised[own], part)
            stein.add(noisy[own], denoised[own], unit[own], part)
        if end is not None:
            first, second = moments.solve(keep=end < fit.draws)
            yield Distilled(end, first, second, stein)
            if end < fit.draws:
                moments.restore()


def _batches(draws: int, stops: Sequence[int]) -> Iterator[tuple[int | None, range]]:
    """Yield pairs in batches that end at every stop, each with the stop that it reaches, if any."""
    for start, end in pairwise(sorted({*range(0, draws, BATCH), *stops, 0})):
        yield end if end in stops else None, range(start, end)


def _ridge(fit: Fit, sigma: float, gaussian: GaussianDenoiser) -> Ridge | None:
    return Ridge(fit.ridge * sigma**2, gaussian_rows(gaussian, sigma)) if fit.ridge else None


def gaussian_rows(gaussian: GaussianDenoiser, sigma: float) -> Rows:
    """Return a function that gives rows of W_G(sigma), which is never held whole."""
    gain = gaussian.values / (gaussian.values + sigma**2)
    return lambda rows: (gaussian.vectors[rows] * gain) @ gaussian.vectors.T


def noised(clean: Tensor, pairs: Sequence[int], sigma: float, *, seed: int, purpose: str) -> tuple[Tensor, Tensor]:
    """Return image p mod N plus sigma times the p-th noise, for some p, and that noise."""
    images = clean[torch.tensor(pairs, device=clean.device) % len(clean)]
    unit = noise.noise_for(pairs, clean.shape[1:], seed=seed, purpose=purpose).to(clean)
    return images + sigma * unit, unit


def distil_levels(denoiser: Denoiser, fit: Fit, gaussian: GaussianDenoiser) -> LinearDenoiser:
    """Return the distilled denoiser at the ten levels that the sampler of Li et al. visits.

    Every map is fitted to all pairs at once, which takes two d x d matrices in float64 beside the maps in float32.

    Parameters
    ----------
    denoiser : Denoiser
    fit : Fit
        To images not trained on, where there are any.
    gaussian : GaussianDenoiser
        See :func:`distil`.
    """
    sigmas, size = noise.schedule(10), gaussian.mean.numel()
    weights, biases = torch.empty(len(sigmas), size, size), torch.empty(len(sigmas), size)
    with progress_bar("distil", fit.draws * len(sigmas)) as done:
        for level, sigma in enumerate(sigmas.tolist()):
            moments = Moments(gaussian.mean, parts=1, ridge=_ridge(fit, sigma, gaussian))
            for _, pairs in _batches(fit.draws, [fit.draws]):
                noisy, _ = fit.noised(pairs, sigma)
                moments.add(noisy, denoiser(noisy, sigma))
                done(level * fit.draws + pairs.stop)
            (affine,) = moments.solve()
            weights[level], biases[level] = affine.weight, affine.intercept
    return LinearDenoiser(torch.from_numpy(sigmas), weights, biases)
