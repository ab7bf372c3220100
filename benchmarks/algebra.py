"""Spectrum, exact denoisers, nearest neighbours and distillation against the obvious public alternatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import timing
import torch
from linear_maps import exact_map
from patches import patches
from sklearn.decomposition import PCA
from smalldiffusion.model import IdealDenoiser
from torch import Tensor

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers import EmpiricalDenoiser, GaussianDenoiser
from hidden_gaussian.distillation import Fit
from hidden_gaussian.metrics import nearest_neighbours

QUERIES = 256
Row = dict[str, object]


def pixels(count: int, size: int) -> np.ndarray:
    """Return smooth random images, uint8 of shape (count, 3, size / 3, 1), with a spectrum like photographs."""
    generator = np.random.default_rng(0)
    rank = min(size, 256)
    factors = generator.standard_normal((count, rank)) * np.arange(1, rank + 1) ** -0.75
    mixed = factors @ generator.standard_normal((rank, size)) + 0.1 * generator.standard_normal((count, size))
    return np.clip(127.5 + 40 * mixed, 0, 255).astype(np.uint8).reshape(count, 3, -1, 1)


def row(what: str, count: int, size: int, sides: Mapping[str, timing.Side], flops: float, budget: float = 1.0) -> Row:
    """Return a row of the page: our seconds, how many times faster they are, and the share of the peak."""
    seconds, top = timing.rated(sides, budget)
    ours = seconds.pop("ours")
    return {
        "what": what,
        "N": count,
        "d": size,
        "seconds": float(f"{ours:.3g}"),
        "against": ", ".join(f"{name} {round(value / ours, 2)}" for name, value in seconds.items()),
        "of peak": f"{flops / ours / 1e9 / top:.0%}",
    }


def spectra() -> Iterator[Row]:
    """Mean and principal components, by the Gram matrix and by the covariance."""
    for count, size in ((500, 768), (500, 1536), (2000, 768), (8000, 768)):
        images = pixels(count, size)
        flat = images.reshape(count, -1) / 127.5 - 1
        sides = {
            "ours": partial(spectrum.fit, images),
            "SVD of the covariance": partial(_by_svd, flat),
            "scikit-learn's PCA": partial(PCA(svd_solver="full").fit, flat),
        }
        small, large = min(count, size), max(count, size)
        yield row("spectrum", count, size, sides, 2 * small**2 * large + 9 * small**3)


def _by_svd(flat: np.ndarray) -> object:
    return np.linalg.svd(np.cov(flat.T, bias=True))


def posteriors() -> Iterator[Row]:
    """Time the empirical denoiser beside two and three bare products, on smooth patches and on sharp images.

    Each row has the mean number of images with weight, 1 / sum w^2, and the largest pixel error of ours and of cdist.
    """
    kinds = (("patches", 1_000, 16), ("patches", 10_000, 16), ("patches", 10_000, 32), ("sharp images", 10_000, 32))
    for (kind, count, resolution), sigma in product(kinds, (0.1, 1.0, 4.0, 20.0)):
        pixels = patches(count, resolution) if kind == "patches" else sharp(count, resolution)
        yield posterior(kind, torch.from_numpy(pixels), sigma)


def sharp(count: int, resolution: int) -> np.ndarray:
    """Return images of independent pixels, uint8: far apart, so few carry weight even at high noise."""
    return np.random.default_rng(0).integers(0, 256, (count, 3, resolution, resolution), dtype=np.uint8)


def posterior(kind: str, images: Tensor, sigma: float) -> Row:
    """Return the row of one set of images at one noise level."""
    count, unit = len(images), images.float() / 127.5 - 1
    noisy = unit[torch.arange(QUERIES) % count]
    noisy = noisy + sigma * torch.randn(noisy.shape)
    flat, queries, ours = unit.flatten(1), noisy.flatten(1), EmpiricalDenoiser(images)
    weights = torch.rand(QUERIES, count)
    sides: dict[str, timing.Side] = {
        "ours": partial(ours, noisy, sigma),
        "cdist and softmax": partial(_by_cdist, queries, flat, sigma),
        "smalldiffusion": partial(IdealDenoiser(list(unit)), noisy, torch.tensor(sigma)),
        "two bare products": lambda: (queries @ flat.T, weights @ flat),
        "three bare products": lambda: (queries @ flat.T, queries @ flat.T, weights @ flat),
    }
    exact = ours(noisy.double(), sigma).flatten(1)
    found = ours(noisy, sigma).flatten(1), _by_cdist(queries, flat, sigma)
    errors = [float((one - exact).abs().max()) for one in found]
    weighted = float(ours.diagnostics(noisy, sigma)["effective"].mean())
    error = f"error {errors[0]:.0e}, cdist's {errors[1]:.0e}"
    what = f"empirical, {kind}, sigma {sigma:g}, {weighted:.3g} with weight; {error}"
    return row(what, count, flat.shape[1], sides, 4 * QUERIES * flat.numel(), 1.5)


def _by_cdist(queries: Tensor, flat: Tensor, sigma: float) -> Tensor:
    return (-(torch.cdist(queries, flat) ** 2) / (2 * sigma**2)).softmax(1) @ flat


def nearest() -> Iterator[Row]:
    """Nearest and second nearest training image."""
    for count, size in ((1_000, 768), (10_000, 768), (10_000, 3072)):
        training = pixels(count, size).reshape(count, -1).astype(np.float32) / 127.5 - 1
        samples = training[np.arange(QUERIES) % count] + np.float32(0.1)
        one, two = torch.from_numpy(samples), torch.from_numpy(training)
        sides = {
            "ours": partial(nearest_neighbours, samples, training),
            "cdist and topk": lambda one=one, two=two: torch.cdist(one, two).topk(2, largest=False),
        }
        yield row("nearest neighbours", count, size, sides, 2 * QUERIES * count * size)


def gaussian() -> Iterator[Row]:
    """Samples of a Gaussian: the closed form against Euler's method with a dense matrix."""
    for count, size in ((500, 768), (2000, 768), (500, 3072)):
        denoiser = GaussianDenoiser(spectrum.fit(pixels(count, size)))
        start = 80 * torch.randn(QUERIES, 3, size // 3, 1)
        rank = denoiser.values.numel()
        flat, dense = start.flatten(1), [denoiser.weight(sigma) for sigma in (80.0, 5.0, 0.5)]
        sides = {
            "ours": partial(denoiser.flow, start, 80.0, 0.0),
            "ten Euler steps, dense": lambda at=flat, by=dense: [at @ by[i % 3] for i in range(10)],
        }
        yield row("Gaussian samples", count, size, sides, 4 * QUERIES * rank * size)


def distilled() -> Iterator[Row]:
    """An exact affine fit, without the denoiser's cost, against numpy's least squares on stored pairs."""
    for draws, size in ((2_000, 192), (4_000, 768)):
        clean = torch.from_numpy(pixels(512, size)).float() / 127.5 - 1
        fit = Fit(clean, draws, seed=0, purpose="benchmark")
        gaussian = GaussianDenoiser(spectrum.fit(pixels(512, size)))
        sides = {
            "ours": partial(exact_map, lambda noisy, sigma: noisy / 2, fit, 1.0, gaussian.mean),
            "lstsq": partial(_by_lstsq, clean, draws),
        }
        yield row("distillation", draws, size, sides, 4 * draws * size**2)


def _by_lstsq(clean: Tensor, draws: int) -> object:
    noised, _ = Fit(clean, draws, seed=0, purpose="benchmark").noisy_pairs(range(draws), 1.0)
    noisy = noised.flatten(1).double()
    with_one = np.column_stack([noisy.numpy(), np.ones(draws)])
    return np.linalg.lstsq(with_one, noisy.numpy() / 2, rcond=None)


def tables() -> dict[str, pd.DataFrame]:
    """Return what the page shows."""
    torch.set_num_threads(2)
    parts = (spectra, posteriors, nearest, gaussian, distilled)
    return {"Linear algebra": pd.DataFrame([line for part in parts for line in part()])}
