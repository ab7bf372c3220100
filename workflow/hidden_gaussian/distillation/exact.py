"""Linear distillation: the affine map nearest to a denoiser, exact, from streamed second moments."""

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

BATCH = 1024  # pairs that are added to the matrices at a time
LARGE = 4096  # pixels times channels; a float64 matrix of this size takes 134 MB, and 1.2 GB at 64 x 64 x 3


@dataclass(frozen=True)
class Fit:
    """The images, noise and penalty of a linear fit.

    Attributes
    ----------
    clean : Tensor of shape (images, channels, height, width)
        The images that are noised, in turn.
    draws : int
        Number of (noisy, denoised) pairs.
    seed : int
    purpose : str
        Name of the noise: the same name gives the same noise for every denoiser and level.
    by_image : bool
        Whether the two halves of the pairs share no image, see :func:`pair_half`. Then an odd last image is not used.
    ridge : float
        Penalty on |W - W_G|_F^2 in units of sigma^2; 0 is plain least squares.

    Examples
    --------
    >>> fit = Fit(torch.zeros(3, 1, 2, 2), draws=64, seed=0, purpose="example", by_image=True)
    >>> fit.images, fit.noisy_pairs(range(5), 1.5)[0].shape
    (2, torch.Size([5, 1, 2, 2]))
    """

    clean: Tensor
    draws: int
    seed: int
    purpose: str
    by_image: bool = False
    ridge: float = 0.0

    @property
    def images(self) -> int:
        """The number N of images that are noised; even where halves share no image, so both have equally many pairs."""
        return len(self.clean) - (len(self.clean) % 2 if self.by_image else 0)

    def noisy_pairs(self, pairs: Sequence[int], sigma: float) -> tuple[Tensor, Tensor]:
        """Return the noisy images of some pairs, and their unit noise; see :func:`add_noise`."""
        return add_noise(self.clean[: self.images], pairs, sigma, seed=self.seed, purpose=self.purpose)


@dataclass(frozen=True)
class Distilled:
    """Two independent affine maps, fitted to the two halves of the pairs.

    Attributes
    ----------
    draws : int
        Number of pairs of both halves together.
    first, second : AffineMap
    stein : SteinAverage
        The averaged Jacobian of the denoiser on the same pairs.

    Examples
    --------
    >>> affine = AffineMap(torch.eye(4).double(), torch.zeros(4).double(), torch.zeros(4).double())
    >>> stein = SteinAverage(torch.zeros(4), sigma=1.5)
    >>> Distilled(64, affine, affine, stein)(torch.ones(1, 1, 2, 2)).flatten().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    draws: int
    first: AffineMap
    second: AffineMap
    stein: SteinAverage

    def __call__(self, noisy: Tensor) -> Tensor:
        """Return the mean of both maps for a batch of images."""
        return (self.first(noisy) + self.second(noisy)) / 2


def milestones(draws: int, size: int) -> list[int]:
    """Return the numbers of pairs after which maps are solved: a quarter, a half and all, where they determine a map.

    Images of more than `LARGE` pixels are solved once, at the end: earlier maps would need one more matrix.
    """
    if size > LARGE:
        return [draws]
    return [count for count in (draws // 4, draws // 2, draws) if count // 2 > size + 1 or count == draws]


def pair_half(pair: int, images: int, *, by_image: bool = False) -> int:
    """Return which half of the pairs, 0 or 1, a pair belongs to.

    Pair p is image p mod `images` in round p div `images`. `by_image`: the halves share no image, which suits a sample
    of images, such as held-out ones. Otherwise each image changes halves from round to round, so both halves have every
    image with independent noise, which suits a complete set, such as the training images.
    """
    return (pair % images + (0 if by_image else pair // images)) % 2


def distil(denoiser: Denoiser, fit: Fit, sigma: float, gaussian: GaussianDenoiser) -> Iterator[Distilled]:
    """Yield the affine maps nearest to a denoiser at one noise level, for growing numbers of pairs.

    Each :class:`Distilled` is only valid until the next one is taken, because the maps lie in the memory of the
    moments. Memory: three d x d matrices in float64, and for d <= 4,096 a fourth until the last map.

    Parameters
    ----------
    denoiser : Denoiser
    fit : Fit
    sigma : float
        Standard deviation of the noise.
    gaussian : GaussianDenoiser
        Its mean is subtracted from all images, and a ridge shrinks the map towards it.

    Raises
    ------
    InputError
        If there are too few pairs, and no ridge.

    Examples
    --------
    >>> import numpy as np
    >>> from hidden_gaussian import spectrum
    >>> pixels = np.random.default_rng(0).integers(0, 256, (32, 1, 2, 2), dtype=np.uint8)
    >>> gaussian = GaussianDenoiser(spectrum.fit(pixels))
    >>> fit = Fit(torch.from_numpy(pixels / 127.5 - 1).float(), draws=512, seed=0, purpose="example")
    >>> [fitted.draws for fitted in distil(gaussian, fit, 1.5, gaussian)]
    [128, 256, 512]
    """
    moments = Moments(gaussian.mean, ridge=_ridge(fit, sigma, gaussian))
    stein = SteinAverage(gaussian.mean, sigma, parameters=0 if fit.ridge else len(gaussian.mean) + 1)
    for end, pairs in _batches(fit.draws, milestones(fit.draws, gaussian.mean.numel())):
        noisy, unit = fit.noisy_pairs(pairs, sigma)
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
    """Yield (stop, pairs) for batches of pairs that end at every stop; stop is None where a batch ends elsewhere."""
    for start, end in pairwise(sorted({*range(0, draws, BATCH), *stops, 0})):
        yield end if end in stops else None, range(start, end)


def _ridge(fit: Fit, sigma: float, gaussian: GaussianDenoiser) -> Ridge | None:
    return Ridge(fit.ridge * sigma**2, gaussian_rows(gaussian, sigma)) if fit.ridge else None


def gaussian_rows(gaussian: GaussianDenoiser, sigma: float) -> Rows:
    """Return a function that computes rows of the Gaussian's weight matrix W_G(sigma), which is never stored whole.

    Examples
    --------
    >>> import numpy as np
    >>> from hidden_gaussian.spectrum import Spectrum
    >>> gaussian = GaussianDenoiser(Spectrum(np.zeros(2), np.array([3.0]), np.array([[1.0], [0.0]]), count=8))
    >>> gaussian_rows(gaussian, 1.0)(slice(0, 2)).tolist()
    [[0.75, 0.0], [0.0, 0.0]]
    """
    gain = gaussian.values / (gaussian.values + sigma**2)
    return lambda rows: (gaussian.vectors[rows] * gain) @ gaussian.vectors.T


def add_noise(clean: Tensor, pairs: Sequence[int], sigma: float, *, seed: int, purpose: str) -> tuple[Tensor, Tensor]:
    """Return noisy images and their unit noise: for pair p, image p mod N plus sigma times the p-th noise.

    Parameters
    ----------
    clean : Tensor of shape (N, channels, height, width)
    pairs : sequence of int
    sigma : float
        Standard deviation of the noise.
    seed : int
        Root seed of the study.
    purpose : str
        Name of the noise, see :func:`hidden_gaussian.noise.noise_for`.

    Returns
    -------
    noisy, unit : Tensor of shape (len(pairs), channels, height, width)

    Examples
    --------
    >>> noisy, unit = add_noise(torch.ones(2, 1, 2, 2), range(6), 0.5, seed=0, purpose="example")
    >>> torch.equal(noisy, 1 + 0.5 * unit)
    True
    """
    images = clean[torch.tensor(pairs, device=clean.device) % len(clean)]
    unit = noise.noise_for(pairs, clean.shape[1:], seed=seed, purpose=purpose).to(clean)
    return images + sigma * unit, unit


def distil_levels(denoiser: Denoiser, fit: Fit, gaussian: GaussianDenoiser) -> LinearDenoiser:
    """Return the affine maps nearest to a denoiser at the ten noise levels that the sampler of Li et al. visits.

    Each map is fitted to all pairs at once. Memory: two d x d matrices in float64 and ten in float32.

    Parameters
    ----------
    denoiser : Denoiser
    fit : Fit
        Images that the denoiser was not trained on, if there are any.
    gaussian : GaussianDenoiser
        See :func:`distil`.

    Examples
    --------
    >>> import numpy as np
    >>> from hidden_gaussian import spectrum
    >>> pixels = np.random.default_rng(0).integers(0, 256, (32, 1, 2, 2), dtype=np.uint8)
    >>> gaussian = GaussianDenoiser(spectrum.fit(pixels))
    >>> fit = Fit(torch.from_numpy(pixels / 127.5 - 1).float(), draws=256, seed=0, purpose="example")
    >>> linear = distil_levels(gaussian, fit, gaussian)
    >>> noisy = torch.randn(4, 1, 2, 2)
    >>> torch.allclose(linear(noisy, 80.0), gaussian(noisy, 80.0), atol=1e-4)
    True
    """
    sigmas, size = noise.schedule(10), gaussian.mean.numel()
    weights, biases = torch.empty(len(sigmas), size, size), torch.empty(len(sigmas), size)
    with progress_bar("distil", fit.draws * len(sigmas)) as done:
        for level, sigma in enumerate(sigmas.tolist()):
            moments = Moments(gaussian.mean, parts=1, ridge=_ridge(fit, sigma, gaussian))
            for _, pairs in _batches(fit.draws, [fit.draws]):
                noisy, _ = fit.noisy_pairs(pairs, sigma)
                moments.add(noisy, denoiser(noisy, sigma))
                done(level * fit.draws + pairs.stop)
            (affine,) = moments.solve()
            weights[level], biases[level] = affine.weight, affine.intercept
    return LinearDenoiser(torch.from_numpy(sigmas), weights, biases)
