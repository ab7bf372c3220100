"""A small world in numpy with exact denoisers, and shards of whatever plays the network in it.

Written apart from the library: Gaussian and empirical denoisers by their textbook formulas, linear maps by lstsq.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache

import numpy as np
import pandas as pd

from hidden_gaussian import schemas
from hidden_gaussian.cells import Cell

Denoiser = Callable[[np.ndarray, float], np.ndarray]
DIMENSION, SIGMAS, IMAGES, DRAWS, SAMPLES = 6, (0.02, 0.6, 1.0, 20.0), 48, 2, 64
PAIRS = 400  # noisy images a linear map is fitted to
LARGEST = 128
CENTRES = np.random.default_rng(7).choice([-0.8, 0.8], size=(5, DIMENSION))
VARIANCE = 0.01
COLUMNS = [column.name for column in schemas.SHARD.columns]


def law(count: int, seed: int) -> np.ndarray:
    """Images in clusters: far from Gaussian, so that a good denoiser beats the Gaussian one."""
    generator = np.random.default_rng(seed)
    return CENTRES[generator.integers(5, size=count)] + VARIANCE**0.5 * generator.normal(size=(count, DIMENSION))


def images(name: str) -> np.ndarray:
    """Held-out images, or a subset such as n8a, nested within its half."""
    return law(IMAGES, 1) if name == "heldout" else law(LARGEST, 2 + "ab".index(name[-1]))[: int(name[1:-1])]


def gaussian(subset: str) -> Denoiser:
    mean = images(subset).mean(0)
    spectrum, basis = np.linalg.eigh(np.cov(images(subset).T, bias=True))
    return lambda y, s: mean + (y - mean) @ (basis * (spectrum / (spectrum + s**2))) @ basis.T


def mixture(centres: np.ndarray, variance: float) -> Denoiser:
    def denoise(y: np.ndarray, s: float) -> np.ndarray:
        logits = (y @ centres.T - np.square(centres).sum(1) / 2) / (s**2 + variance)
        shares = np.exp(logits - logits.max(1, keepdims=True))
        nearest = shares @ centres / shares.sum(1, keepdims=True)
        return nearest + (y - nearest) * variance / (variance + s**2)

    return denoise


def denoiser(kind: str, subset: str) -> Denoiser:
    """A denoiser by name; ``blend`` goes from the Gaussian to the empirical, ``shrunk`` from the law's to the mean."""
    name, _, share = kind.partition(" ")
    t, mean = float(share or 0), images(subset).mean(0)
    whole, memory, law = gaussian(subset), mixture(images(subset), 0.0), mixture(CENTRES, VARIANCE)
    spread = images(subset).var(0).mean()
    return {
        "gaussian": whole,
        "empirical": memory,
        "law": law,
        "all": gaussian(f"n{LARGEST}a"),
        "stationary": lambda y, s: mean + (y - mean) * spread / (spread + s**2),
        "untrained": lambda y, s: y * 0.25 / (0.25 + s**2),
        "blend": lambda y, s: (1 - t) * whole(y, s) + t * memory(y, s),
        "shrunk": lambda y, s: mean + (1 - t) * (law(y, s) - mean),
    }[name]


@cache
def measures(identifier: str, kind: str) -> pd.DataFrame:
    """The shard of a denoiser, as ``measures.parquet`` holds it."""
    subset, linear, parts = identifier.split("/")[0], f"{identifier}/linear", []
    for inputs, clean in (("train", images(subset)[:IMAGES]), ("heldout", images("heldout"))):
        for sigma in SIGMAS:
            place = {"id": identifier, "inputs": inputs, "sigma": sigma}
            for (quantity, reference), values in _squares(identifier, kind, clean, sigma).items():
                draw, image = np.indices(values.shape).reshape(2, -1)
                where = {**place, "reference_id": reference, "quantity": quantity}
                parts.append((where, {"draw": draw, "image": image, "value": values.ravel()}))
            for quantity, values in _affine(denoiser(kind, subset), clean, sigma).items():
                where = {**place, "quantity": quantity, "parameter": "alpha", "at": 0.5**0.5}
                image = np.arange(len(values))
                parts.append((where, {"draw": np.zeros(len(values)), "image": image, "value": values}))
            for quantity, value in _weights(subset, _fits(denoiser(kind, subset), clean, sigma), sigma):
                where = {**place, "reference_id": linear, "quantity": quantity, "parameter": "draws"}
                one = {"draw": np.zeros(1), "image": -np.ones(1), "value": np.array([value])}
                parts.append(({**where, "at": float(PAIRS)}, one))
    return shard(parts)


def _squares(identifier: str, kind: str, clean: np.ndarray, sigma: float) -> dict[tuple[str, str | None], np.ndarray]:
    noise = np.random.default_rng(99).normal(size=(DRAWS, IMAGES, DIMENSION))[:, : len(clean)]
    noisy = (clean + sigma * noise).reshape(-1, DIMENSION)
    subset, linear = identifier.split("/")[0], f"{identifier}/linear"
    output = denoiser(kind, subset)(noisy, sigma)
    names = {f"{subset}/gaussian": "gaussian", f"n{LARGEST}a/gaussian": "all", f"{subset}/empirical": "empirical"}
    others = {name: denoiser(other, subset)(noisy, sigma) for name, other in names.items()}
    first, second = (np.c_[noisy, np.ones(len(noisy))] @ fit for fit in _fits(denoiser(kind, subset), clean, sigma))
    whole, residual = others[f"{subset}/gaussian"], noisy - output
    found = {
        ("norm", None): output**2,
        ("norm_centred", None): (output - output.mean(0)) ** 2,
        ("loss", None): (output - np.tile(clean, (DRAWS, 1))) ** 2,
        ("residual_norm_centred", None): (residual - residual.mean(0)) ** 2,
        ("distance", linear): (output - first) ** 2,
        ("linear_gaussian", linear): (first - whole) ** 2,
        ("nonlinear", linear): (output - first) * (output - second),
        ("mismatch", linear): (first - whole) * (second - whole),
        ("mismatch_inside", linear): _inside(first - whole, subset) * _inside(second - whole, subset),
        ("gaussian_spread", linear): (whole - images(subset).mean(0)) ** 2,
        **{("distance", name): (output - other) ** 2 for name, other in others.items() if name != identifier},
    }
    return {key: values.sum(1).reshape(DRAWS, -1) for key, values in found.items()}


def _inside(gaps: np.ndarray, subset: str) -> np.ndarray:
    """Project on the span of the training images."""
    centred = images(subset) - images(subset).mean(0)
    return gaps @ np.linalg.pinv(centred) @ centred


def _affine(denoise: Denoiser, clean: np.ndarray, sigma: float) -> dict[str, np.ndarray]:
    """An affine mixture of three noisy images against that of their outputs."""
    noisy = clean + sigma * np.random.default_rng(98).normal(size=(IMAGES, DIMENSION))[: len(clean)]
    mixture = (2 * noisy + 2 * turned(noisy, 1) - turned(noisy, 2)) / 3
    output = denoise(noisy, sigma)
    expected = (2 * output + 2 * turned(output, 1) - turned(output, 2)) / 3
    gap, centred = denoise(mixture, sigma) - expected, output - output.mean(0)
    return {"affine_gap": np.square(gap).sum(1), "norm_centred": np.square(centred).sum(1)}


def turned(array: np.ndarray, step: int) -> np.ndarray:
    """Each image's partner: `step` places on, among four in a row that start again from the first of them."""
    fours = np.split(array, range(4, len(array) - 3, 4))
    return np.concatenate([np.roll(four, -step, 0) for four in fours])


def _fits(denoise: Denoiser, clean: np.ndarray, sigma: float) -> list[np.ndarray]:
    generator, fits = np.random.default_rng([5, len(clean)]), []
    for _ in range(2):
        noisy = clean[np.arange(PAIRS) % len(clean)] + sigma * generator.normal(size=(PAIRS, DIMENSION))
        fits.append(np.linalg.lstsq(np.c_[noisy, np.ones(PAIRS)], denoise(noisy, sigma), rcond=None)[0])
    return fits


def _weights(subset: str, fits: list[np.ndarray], sigma: float) -> Iterator[tuple[str, float]]:
    first, second = (fit[:-1].T for fit in fits)
    covariance, whole = np.cov(images(subset).T, bias=True), (first + second) / 2
    weight = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(DIMENSION))
    yield "weight_mismatch", ((first - weight) * (second - weight)).sum()
    yield "weight_gap", np.square(whole - weight).sum()
    yield "gaussian_weight", np.square(weight).sum()
    yield "linear_weight", np.square(whole).sum()
    yield "asymmetry", np.square(whole - whole.T).sum()
    yield "linear_product", (first * second).sum()
    yield "asymmetry_product", ((first - first.T) * (second - second.T)).sum()
    yield "jacobian_linear", 0.04 * (first * second).sum()
    yield "jacobian_gaussian", 0.09 * (first * second).sum()
    yield "fit_gap", 0.25
    yield "fit_spread", 4.0


def memorisation(identifier: str, copies: float, sampler: str = "heun18", size: float = 4.0) -> pd.DataFrame:
    """The shard of samples of which a share are copies."""
    generator = np.random.default_rng(len(identifier))
    is_copy = np.arange(SAMPLES) < copies * SAMPLES
    nearest = np.where(is_copy, 0.01, 1.0) * size * generator.uniform(0.5, 0.9, SAMPLES)
    quantities = {"nearest": nearest, "second": size * generator.uniform(1, 2, SAMPLES), "norm": np.full(SAMPLES, size)}
    return _samples(identifier, quantities, sampler=sampler, reference_id=identifier.split("/")[0])


def neighbours(identifier: str, samples: np.ndarray, sampler: str = "heun18") -> pd.DataFrame:
    """The same shard of samples that were drawn, by every distance to a training image."""
    subset = identifier.split("/")[0]
    square = np.sort(np.square(samples[:, None] - images(subset)).sum(-1), axis=1)
    quantities = {"nearest": square[:, 0], "second": square[:, 1], "norm": np.square(samples).sum(1)}
    return _samples(identifier, quantities, sampler=sampler, reference_id=subset)


def agreement(identifier: str, reference: str, correlation: float, **where: object) -> pd.DataFrame:
    """The shard of two sample sets with a given correlation."""
    generator = np.random.default_rng(11)
    first = generator.normal(size=(SAMPLES, DIMENSION))
    second = correlation * first + np.sqrt(1 - correlation**2) * generator.normal(size=first.shape)
    inner, a, b = (first * second).sum(1), np.square(first).sum(1), np.square(second).sum(1)
    quantities = {"inner": inner, "norm_a": a, "norm_b": b, "gap": np.square(first - second).sum(1)}
    quantities |= {"pearson_inner": inner, "pearson_norm_a": a, "pearson_norm_b": b}
    return _samples(identifier, quantities, sampler="heun18", reference_id=reference, **where)


def _samples(identifier: str, quantities: dict[str, np.ndarray], **where: object) -> pd.DataFrame:
    count = len(next(iter(quantities.values())))
    index = {"image": np.arange(count), "draw": np.zeros(count)}
    return shard(
        ({"id": identifier, "quantity": name, **where}, {**index, "value": value}) for name, value in quantities.items()
    )


def shard(parts: Iterable[tuple[dict[str, object], dict[str, np.ndarray]]]) -> pd.DataFrame:
    """Rows from (columns that are the same for a part, columns that are not)."""
    places, columns = zip(*parts, strict=True)
    lengths = [len(part["value"]) for part in columns]
    fixed = {
        column.name: np.repeat(
            np.array([place.get(column.name) for place in places], float if column.type == "double" else object),
            lengths,
        )
        for column in schemas.SHARD.columns
        if column.name not in columns[0]
    }
    varying = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    whole = pd.DataFrame({**fixed, **varying})[COLUMNS]
    texts = ["id", "reference_id", "inputs", "sampler", "parameter", "quantity"]
    return whole.astype({**dict.fromkeys(texts, "category"), "image": np.int32, "draw": np.int32})


def cell(size: int, half: str = "a", *, scale: int = 16, replicate: int = 1, seen: int = 64000) -> Cell:
    return Cell("toy", size, half, "ve", scale, replicate, seen)
