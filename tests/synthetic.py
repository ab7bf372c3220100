"""A small world in numpy with exact denoisers, and shards of whatever plays the network in it.

Written apart from the library: Gaussian and empirical denoisers by their textbook formulas, linear maps by lstsq.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from hidden_gaussian.cells import Cell

Denoiser = Callable[[np.ndarray, float], np.ndarray]
DIMENSION, SIGMAS, IMAGES, DRAWS, SAMPLES = 6, (0.02, 0.3, 0.6, 1.0, 20.0), 48, 2, 64
PAIRS = 400  # noisy images a linear map is fitted to
HALVES = ("a", "b")


def _data(count: int, seed: int) -> np.ndarray:
    """Images in clusters: far from Gaussian, so that a good denoiser beats the Gaussian one."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(7).choice([-0.8, 0.8], size=(5, DIMENSION))
    return centres[generator.integers(5, size=count)] + 0.1 * generator.normal(size=(count, DIMENSION))


@dataclass
class World:
    """Subsets of two halves, held-out images, and one noise for everybody."""

    sizes: tuple[int, ...] = (8, 32, 128)
    heldout: np.ndarray = field(default_factory=lambda: _data(IMAGES, 1))

    def subset(self, name: str) -> np.ndarray:
        """Nested within a half."""
        return _data(max(self.sizes), 2 + HALVES.index(name[-1]))[: int(name[1:-1])]

    def gaussian(self, subset: str) -> Denoiser:
        images = self.subset(subset)
        mean = images.mean(0)
        spectrum, basis = np.linalg.eigh(np.cov(images.T, bias=True))
        return lambda y, s: mean + (y - mean) @ (basis * (spectrum / (spectrum + s**2))) @ basis.T

    def empirical(self, subset: str) -> Denoiser:
        images = self.subset(subset)

        def denoise(y: np.ndarray, s: float) -> np.ndarray:
            logits = -np.square(y[:, None] - images).sum(2) / (2 * s**2)
            shares = np.exp(logits - logits.max(1, keepdims=True))
            return shares @ images / shares.sum(1, keepdims=True)

        return denoise

    def good(self, _: str = "") -> Denoiser:
        """The posterior mean of the law itself, which no training image can improve upon."""
        return self._mixture(np.random.default_rng(7).choice([-0.8, 0.8], size=(5, DIMENSION)), 0.01)

    @staticmethod
    def _mixture(centres: np.ndarray, variance: float) -> Denoiser:
        def denoise(y: np.ndarray, s: float) -> np.ndarray:
            logits = -np.square(y[:, None] - centres).sum(2) / (2 * (s**2 + variance))
            shares = np.exp(logits - logits.max(1, keepdims=True))
            posterior = centres + (y[:, None] - centres) * variance / (variance + s**2)
            return (shares[:, :, None] * posterior).sum(1) / shares.sum(1, keepdims=True)

        return denoise

    def noisy(self, clean: np.ndarray, s: float) -> np.ndarray:
        noise = np.random.default_rng(99).normal(size=(DRAWS, IMAGES, DIMENSION))[:, : len(clean)]
        return clean + s * noise  # draw, image, pixel

    def measures(self, identifier: str, denoiser: Denoiser) -> pd.DataFrame:
        """The shard of a denoiser, as ``measures.parquet`` holds it."""
        subset = identifier.split("/")[0]
        whole = f"n{max(self.sizes)}a/gaussian"
        references = {f"{subset}/gaussian": self.gaussian(subset), f"{subset}/empirical": self.empirical(subset)}
        references[whole] = self.gaussian(whole.split("/")[0])
        frames = []
        for inputs, clean in (("train", self.subset(subset)[:IMAGES]), ("heldout", self.heldout)):
            for s in SIGMAS:
                y, fits = self.noisy(clean, s), self._fits(denoiser, clean, s)
                for (name, reference), value in self._level(
                    identifier, denoiser, references, clean, y, s, self._maps(fits)
                ).items():
                    frames.append(_frame(value, identifier, reference, inputs=inputs, sigma=s, quantity=name))
                for name, value in self._weights(subset, fits, s).items():
                    place = {"inputs": inputs, "sigma": s, "parameter": "draws", "at": float(PAIRS), "quantity": name}
                    row = {"id": identifier, "reference_id": f"{identifier}/linear", **place}
                    frames.append(pd.DataFrame([{**row, "image": -1, "draw": 0, "value": value}]))
        return pd.concat(frames, ignore_index=True)

    def _level(
        self,
        identifier: str,
        denoiser: Denoiser,
        references: dict,
        clean: np.ndarray,
        y: np.ndarray,
        s: float,
        maps: list[Denoiser],
    ) -> dict:
        apply = lambda one: np.stack([one(draw, s) for draw in y])  # noqa: E731
        output = apply(denoiser)
        flat_mean, residual = output.mean((0, 1)), y - output
        found = {
            ("norm", None): output,
            ("norm_centred", None): output - flat_mean,
            ("loss", None): output - clean,
            ("residual_norm_centred", None): residual - residual.mean((0, 1)),
        }
        found |= {("distance", name): output - apply(one) for name, one in references.items() if name != identifier}
        squares = {key: np.square(value).sum(2) for key, value in found.items()}
        first, second = maps
        gaussian = apply(references[f"{identifier.split('/')[0]}/gaussian"])
        linear = f"{identifier}/linear"
        squares["distance", linear] = np.square(output - apply(first)).sum(2)
        squares["linear_gaussian", linear] = np.square(apply(first) - gaussian).sum(2)
        squares["mismatch", linear] = ((apply(first) - gaussian) * (apply(second) - gaussian)).sum(2)
        mean = self.subset(identifier.split("/")[0]).mean(0)
        squares["gaussian_spread", linear] = np.square(gaussian - mean).sum(2)
        return squares

    def _fits(self, denoiser: Denoiser, clean: np.ndarray, s: float) -> list[np.ndarray]:
        generator, fits = np.random.default_rng([5, len(clean)]), []
        for _ in range(2):
            y = clean[np.arange(PAIRS) % len(clean)] + s * generator.normal(size=(PAIRS, DIMENSION))
            fits.append(np.linalg.lstsq(np.c_[y, np.ones(PAIRS)], denoiser(y, s), rcond=None)[0])
        return fits

    @staticmethod
    def _maps(fits: list[np.ndarray]) -> list[Denoiser]:
        return [lambda y, s, fit=fit: np.c_[y, np.ones(len(y))] @ fit for fit in fits]

    def _weights(self, subset: str, fits: list[np.ndarray], s: float) -> dict:
        first, second = (fit[:-1].T for fit in fits)
        covariance = np.cov(self.subset(subset).T, bias=True)
        weight = covariance @ np.linalg.inv(covariance + s**2 * np.eye(DIMENSION))
        whole = (first + second) / 2
        return {
            "weight_mismatch": ((first - weight) * (second - weight)).sum(),
            "weight_gap": np.square(whole - weight).sum(),
            "gaussian_weight": np.square(weight).sum(),
            "linear_weight": np.square(whole).sum(),
            "asymmetry": np.square(whole - whole.T).sum(),
        }


def _frame(value: np.ndarray, identifier: str, reference: str | None, **where: object) -> pd.DataFrame:
    draws, images = value.shape
    return pd.DataFrame(
        {
            "id": identifier,
            "reference_id": reference,
            **where,
            "image": np.tile(np.arange(images), draws),
            "draw": np.repeat(np.arange(draws), images),
            "value": value.ravel(),
        }
    )


def memorisation(identifier: str, *, copies: float, sampler: str = "heun18", size: float = 4.0) -> pd.DataFrame:
    """The shard of samples of which a share are copies."""
    generator = np.random.default_rng(len(identifier))
    is_copy = np.arange(SAMPLES) < copies * SAMPLES
    nearest = np.where(is_copy, 0.01, 1.0) * size * generator.uniform(0.5, 0.9, SAMPLES)
    quantities = {"nearest": nearest, "second": size * generator.uniform(1, 2, SAMPLES), "norm": np.full(SAMPLES, size)}
    where = {"sampler": sampler, "reference_id": identifier.split("/")[0]}
    return _samples(identifier, quantities, where)


def agreement(identifier: str, reference: str, correlation: float, **where: object) -> pd.DataFrame:
    """The shard of two sample sets with a given correlation."""
    generator = np.random.default_rng(11)
    first = generator.normal(size=(SAMPLES, DIMENSION))
    second = correlation * first + np.sqrt(1 - correlation**2) * generator.normal(size=first.shape)
    inner, a, b = (first * second).sum(1), np.square(first).sum(1), np.square(second).sum(1)
    quantities = {"inner": inner, "norm_a": a, "norm_b": b, "gap": np.square(first - second).sum(1)}
    quantities |= {"pearson_inner": inner, "pearson_norm_a": a, "pearson_norm_b": b}
    return _samples(identifier, quantities, {"sampler": "heun18", "reference_id": reference, **where})


def _samples(identifier: str, quantities: dict[str, np.ndarray], where: dict[str, object]) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"id": identifier, "image": np.arange(SAMPLES), "quantity": name, "value": value, **where})
        for name, value in quantities.items()
    ]
    return pd.concat(frames, ignore_index=True).assign(draw=0)


def cell(size: int, half: str = "a", *, scale: int = 16, replicate: int = 1, seen: int = 64000) -> Cell:
    return Cell("toy", size, half, "ve", scale, replicate, seen)


def shard(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put shards together, with every column."""
    columns = [
        "id",
        "reference_id",
        "inputs",
        "sampler",
        "sigma",
        "parameter",
        "at",
        "image",
        "draw",
        "quantity",
        "value",
    ]
    parts = [part.reindex(columns=columns).astype({"sigma": float, "at": float}) for part in frames]
    whole = pd.concat(parts, ignore_index=True)
    texts = ["id", "reference_id", "inputs", "sampler", "parameter", "quantity"]
    return whole.astype(dict.fromkeys(texts, "category"))
