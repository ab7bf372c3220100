"""Arrays of plausible numbers for one tiny dataset, made without the library's denoisers and samplers."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from hidden_gaussian.cells import Cell
from hidden_gaussian.figures.plan import Plan
from hidden_gaussian.levels import schedule
from hidden_gaussian.settings import Dataset

IMAGES, SAMPLES, HELDOUT = 24, 32, 400
LEVELS = schedule(7)
VE32 = {"subset_sizes": [32], "scales": [16], "architectures": ["ve"]}
OWN = {"vp": 0.2, "ve-baseline": 0.6, "dae-ve": 0.4}  # what other architectures add of their own
ADDITIVE = 20  # pixels in which the linear maps of this world follow the network, exactly
EXTREMES = ("n8a", "n512a")  # subsets of which more is measured
MAIN = "n512a/ve16r1/i64000"  # the network that figures of one network show


def settings(**changes: Any) -> dict[str, Any]:
    size = {"subset_sizes": [8, 32, 128, 512], "scales": [16]}
    return {
        "source": {"kind": "digits", "count": 1797},
        "resolution": 8,
        "colour": "grey",
        "heldout": HELDOUT,
        "network": {"channel_mult": [1, 2]},
        "training": {"batch": 64},
        "measures": {
            "images": IMAGES,
            "draws": 1,
            "levels": 10,
            "linearity_levels": 10,
            "inputs": ["train", "heldout", "noise"],
            "alphas": [0.5**0.5, 0.99**0.5],
            "references": ["stationary", "mixture-12"],
            "jacobian": {"cells": {"subset_sizes": [8, 512], "halves": ["a"]}},
        },
        "sampling": {
            "count": SAMPLES,
            "references": ["stationary"],
            "splice": {"subset_sizes": [8, 512], "halves": ["a"]},
            "splice_ends": [0, 0.3, 3, 80],
        },
        "distillation": {"solver": "adam"},
        "grid": {
            "runs": [
                {**size, "halves": ["a", "b"], "snapshots": [64, 640, 6400, 64000]},
                {"subset_sizes": [32], "halves": ["a", "b"], "scales": [4, 8], "snapshots": [64000]},
                {"subset_sizes": [32], "scales": [16], "architectures": list(OWN), "snapshots": [64000]},
            ],
            "sweeps": {
                "size": {**size, "architectures": ["ve"], "images_seen": "last"},
                "scale": {"subset_sizes": [32], "architectures": ["ve"]},
                "time": {**VE32, "halves": ["a"], "images_seen": "all"},
                "clock": {"scales": [16], "architectures": ["ve"], "halves": ["a"], "images_seen": "all"},
                "architecture": {"subset_sizes": [32], "scales": [16], "halves": ["a"]},
                "halves_large": {"subset_sizes": [512]},
                "halves_small": VE32,
                "halves_stopped": {**VE32, "images_seen": [6400]},
                "halves_small_scale": {"subset_sizes": [32], "scales": [4]},
            },
        },
    } | changes


class Arrays:
    """Images, denoisers, samples and trajectories of a study of one dataset.

    The network lies between the Gaussian and the empirical denoiser, the nearer to the latter the fewer images and the
    longer the training, with a part of its own that training removes.
    """

    def __init__(self, root: Path, content: dict[str, Any], *, wiggle: float = 1.0) -> None:
        self.root = root
        self.wiggle = wiggle
        self.dataset = Dataset.model_validate(content)
        self.plan = Plan.of("digits", self.dataset)
        self.shape = (self.dataset.channels, 8, 8)
        self.size = 64 * self.dataset.channels
        digits = np.repeat(load_digits().images[:, None], self.dataset.channels, axis=1)
        digits = digits * np.linspace(1, 0.7, self.dataset.channels)[:, None, None]
        self.images = np.clip(digits * 15.9, 0, 255).astype(np.uint8)
        generator = np.random.default_rng(5)
        order = generator.permutation(len(self.images))
        self.heldout, self.order = order[:HELDOUT], order[HELDOUT:]
        self.noise = generator.standard_normal((IMAGES, self.size))
        self.latents = generator.standard_normal((SAMPLES, self.size))
        self.spectrum = cache(self._spectrum)
        self.own = generator.standard_normal((self.size, self.size)) / np.sqrt(self.size)

    def flat(self, indices: np.ndarray) -> np.ndarray:
        return self.images[indices].reshape(len(indices), -1) / 127.5 - 1

    def indices(self, subset: str) -> np.ndarray:
        count = int(subset[1:-1])
        return self.order[:count] if subset.endswith("a") else self.order[-count:]

    def _spectrum(self, subset: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        training = self.flat(self.indices(subset))
        centred = training - training.mean(0)
        values, vectors = np.linalg.eigh(centred.T @ centred / len(training))
        return training.mean(0), np.clip(values, 0, None), vectors

    def denoise(self, identifier: str, noisy: np.ndarray, sigma: float) -> np.ndarray:
        subset, kind = identifier.split("/", 1)
        mean, values, vectors = self.spectrum(subset)
        gaussian = mean + (noisy - mean) @ vectors * (values / (values + sigma**2)) @ vectors.T
        if kind == "gaussian":
            return gaussian
        if kind == "identity":
            return noisy
        if kind == "mean":
            return np.broadcast_to(mean, noisy.shape)
        if kind == "stationary":
            return mean + (noisy - mean) * values.mean() / (values.mean() + sigma**2)
        training = self.flat(self.indices(subset))
        logits = (2 * noisy @ training.T - np.square(training).sum(1)) / (2 * sigma**2)
        weights = np.exp(logits - logits.max(1, keepdims=True))
        empirical = weights / weights.sum(1, keepdims=True) @ training
        if kind == "empirical":
            return empirical
        if kind.startswith("mixture"):
            return (gaussian + empirical) / 2
        copying, own = self.habits(Cell.parse("digits", identifier))
        wiggle = self.wiggle * np.sin(gaussian @ self.own) * sigma / (1 + sigma**1.5)
        return gaussian + copying * (empirical - gaussian) + own * wiggle

    @staticmethod
    def habits(cell: Cell) -> tuple[float, float]:
        progress = np.log10(max(cell.images_seen, 64) / 64) / 3
        capacity = np.log2(cell.scale) / 4 * progress
        own = 0.25 + 0.75 * (1 - progress) + OWN.get(cell.architecture, 0)
        return float(capacity / (1 + cell.subset_size / 60)), float(own)

    @staticmethod
    def linear(identifier: str, output: np.ndarray, gaussian: np.ndarray) -> np.ndarray:
        """A part of the way, whose two parts do not add up, for 8 images; some pixels, where they do, for others."""
        if identifier.startswith("n8"):
            return gaussian + 0.3 * (output - gaussian)
        return np.where(np.arange(output.shape[1]) < ADDITIVE, output, gaussian)

    def noisy(self, sigma: float, subset: str = "") -> tuple[np.ndarray, np.ndarray]:
        """Held-out images, or those of a subset."""
        clean = self.flat((self.indices(subset) if subset else self.heldout)[:IMAGES])
        return clean, clean + sigma * self.noise[: len(clean)]

    def samples(self, identifier: str, sampler: str) -> np.ndarray:
        subset, kind = identifier.split("/", 1)
        mean, values, vectors = self.spectrum(subset)
        gaussian = mean + self.latents @ vectors * np.sqrt(values) @ vectors.T
        training = self.flat(self.indices(subset))
        nearest = training[np.square(gaussian[:, None] - training[None]).sum(-1).argmin(1)]
        if kind == "gaussian":
            made = gaussian
        elif kind == "stationary":
            made = mean + self.latents * np.sqrt(values.mean())
        elif kind == "empirical":
            made = nearest
        else:
            copying, own = self.habits(Cell.parse("digits", identifier.removesuffix("/linear")))
            copying = 0.0 if kind.endswith("linear") else min(1.0, 1.2 * copying)
            made = gaussian + copying * (nearest - gaussian) + 0.1 * own * np.sin(gaussian @ self.own)
        shrunk = 0.85 if sampler == "euler10" else 1.0
        return (mean + shrunk * (made - mean)).reshape(-1, *self.shape).astype(np.float32)

    def trajectories(self, identifier: str, _: str = "") -> np.ndarray:
        sigmas = np.append(schedule(10), 0.0)
        state = 80 * self.latents[:4]
        way = [state]
        for sigma, following in pairwise(sigmas):
            state = state + (following - sigma) * (state - self.denoise(source(identifier), state, sigma)) / sigma
            way.append(state)
        return np.stack(way, 1).reshape(4, 11, *self.shape).astype(np.float32)

    def outputs(self, identifier: str) -> dict[str, np.ndarray]:
        clean, noise = self.flat(self.heldout[:4]), self.noise[:4]
        of_images, of_noise = (
            np.stack([self.denoise(identifier, signal + sigma * noise, sigma) for sigma in schedule(10)])
            for signal in (clean, 0 * clean)
        )
        found = {"clean": clean, "noise": noise, "of_images": of_images, "of_noise": of_noise}
        if identifier.startswith(EXTREMES):
            found["components"] = self.spectrum(identifier.split("/")[0])[2].T[:-6:-1] * self.size**0.5
            found["descended"] = np.stack([share * found["components"] for share in (0.2, 0.6, 1)])
        images = {name: array.reshape(*array.shape[:-1], *self.shape) for name, array in found.items()}
        return {name: array.astype(np.float16) for name, array in images.items()} | {
            "descended_epochs": np.array([1, 5, 10])
        }

    def slope_images(self, identifier: str) -> dict[str, np.ndarray]:
        way = self.trajectories(identifier)[:, :10].swapaxes(0, 1)
        vectors = self.spectrum(identifier.split("/")[0])[2].T[:-4:-1].reshape(3, *self.shape)
        vectors = np.broadcast_to(vectors, (10, 4, *vectors.shape)).astype(np.float32)
        pushed = np.stack([way[:, :2] + 0.2, way[:, :2] - 0.2], axis=2)
        return {"state": way, "denoised": np.tanh(way), "vectors": vectors, "pushed": np.tanh(pushed)}


def source(identifier: str) -> str:
    """The linear map of this world is the Gaussian."""
    return f"{identifier.split('/')[0]}/gaussian" if identifier.endswith("/linear") else identifier
