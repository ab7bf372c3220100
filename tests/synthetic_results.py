"""A results folder of plausible numbers for one tiny dataset, made without the library's measurements."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from synthetic import turned

from hidden_gaussian import files, sampler_error, statistics, tables
from hidden_gaussian.cells import Cell
from hidden_gaussian.figures.catalogue import CATALOGUE, narrowed, needs
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.plan import Plan
from hidden_gaussian.figures.splice import INSIDES
from hidden_gaussian.levels import schedule
from hidden_gaussian.references import possible
from hidden_gaussian.settings import Dataset
from hidden_gaussian.spectrum import Spectrum

IMAGES, SAMPLES, HELDOUT = 24, 32, 400
LEVELS = schedule(7)
VE32 = {"subset_sizes": [32], "scales": [16], "architectures": ["ve"]}
OWN = {"vp": 0.2, "ve-baseline": 0.6, "dae-ve": 0.4}  # what other architectures add of their own
ADDITIVE = 20  # pixels in which the linear maps of this world follow the network, exactly
EXTREMES = ("n8a", "n512a")  # subsets of which more is measured
FIRST, SECOND, THIRD = 2 / 3, 2 / 3, -1 / 3


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


class World:
    """The files of every figure below a folder, and the arrays that they were made from.

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

    def add_imitation(self) -> None:
        """A dataset beside this one whose networks are nearer to the Gaussian."""
        root = self.root.parent / f"{self.root.name}-gaussian"
        self.double = World(root, self.dataset.model_dump(mode="json"), wiggle=0.2)
        imitation = replace(self.double.plan.only(["size"]), name=root.name)
        self.plan = replace(self.plan, imitations=[imitation])

    def write(self) -> None:
        for relative in {path for name in CATALOGUE for path in needs(name, self.plan)}:
            self.write_one(relative)

    def write_one(self, relative: str) -> None:
        if relative.startswith("../"):
            self.double.write_one(relative.split("/", 2)[2])
            return
        folder, name = relative.rsplit("/", 1) if "/" in relative else ("", relative)
        path = self.root / relative
        kind, _, sampler = name.split(".")[0].partition("_")
        if kind in ("images", "subset"):
            files.save_array(path, self.images if kind == "images" else self.indices(folder))
        elif name == "sampler_error.parquet":
            tables.write_table(path, self.sampler_error(folder), sampler_error.TABLE)
        elif name == "jacobian.safetensors":
            files.save_tensors(path, self.slope_images(folder))
        elif kind == "outputs":
            files.save_tensors(path, self.outputs(folder))
        elif kind in ("samples", "trajectories"):
            files.save_array(path, getattr(self, kind)(folder, sampler))
        else:
            tables.write_shard(path, getattr(self, kind)(folder, sampler))

    def noisy(self, sigma: float, subset: str = "") -> tuple[np.ndarray, np.ndarray]:
        """Held-out images, or those of a subset."""
        clean = self.flat((self.indices(subset) if subset else self.heldout)[:IMAGES])
        return clean, clean + sigma * self.noise[: len(clean)]

    def measures(self, identifier: str, _: str) -> pd.DataFrame:
        frames = []
        images = {"heldout": "", "train": identifier.split("/")[0]}
        for (inputs, name), sigma in product(images.items(), LEVELS):
            clean, noisy = self.noisy(sigma, name)
            where = {"id": identifier, "inputs": inputs, "sigma": float(sigma)}
            frames += self._outputs(identifier, clean, noisy, sigma, where)
            if inputs == "heldout":
                for alpha in self.dataset.measures.alphas[: 2 if identifier.startswith(EXTREMES) else 1]:
                    frames.append(self._linearity(identifier, noisy, sigma, where, alpha))
            frames += self._linear(identifier, noisy, sigma, where)
        if identifier.startswith(EXTREMES):
            for alpha, sigma in product(self.dataset.measures.alphas, LEVELS):
                where = {"id": identifier, "inputs": "noise", "sigma": float(sigma)}
                frames.append(self._linearity(identifier, sigma * self.noise, sigma, where, alpha))
        return pd.concat(frames, ignore_index=True)

    def _outputs(self, identifier, clean, noisy, sigma, where):
        subset = identifier.split("/")[0]
        output = self.denoise(identifier, noisy, sigma)
        own = {"norm": output, "norm_centred": output - output.mean(0), "loss": output - clean}
        residual = noisy - output
        own["residual_norm_centred"] = residual - residual.mean(0)
        yield rows(own, **where)
        listed = possible(self.plan.measured, subset) if identifier.startswith(EXTREMES) else []
        for reference in (f"{subset}/gaussian", f"{subset}/empirical", *listed):
            if reference != identifier:
                other = self.denoise(reference, noisy, sigma)
                yield rows({"distance": output - other}, reference_id=reference, **where)

    def _linearity(self, identifier, noisy, sigma, where, weight):
        mean = self.spectrum(identifier.split("/")[0])[0]
        other = (1 - weight**2) ** 0.5
        second = turned(noisy, 1)
        one, two = (self.denoise(identifier, part, sigma) for part in (noisy, second))
        mixture = weight * noisy + other * second
        mixed, combined = self.denoise(identifier, mixture, sigma), weight * one + other * two
        shift = (1 - weight - other) * mean
        pairs = {
            "": (mixed, combined),
            "_centred": (self.denoise(identifier, mixture + shift, sigma) - mean, combined + shift - mean),
            "_residual": (mixture - mixed, mixture - combined),
        }
        values = {}
        for suffix, (a, b) in pairs.items():
            lengths = {"mixed_norm": a * a, "combined_norm": b * b, "mixed_gap": (a - b) ** 2, "mixed_inner": a * b}
            values |= {f"{name}{suffix}": products.sum(1) for name, products in lengths.items()}
        if weight < 0.8:
            values |= self._affinity(identifier, noisy, sigma)
        return numbers(values, parameter="alpha", at=weight, **where)

    def _affinity(self, identifier, noisy, sigma):
        second, third = turned(noisy, 1), turned(noisy, 2)
        one, two, three = (self.denoise(identifier, part, sigma) for part in (noisy, second, third))
        affine = self.denoise(identifier, FIRST * noisy + SECOND * second + THIRD * third, sigma)
        gap = affine - (FIRST * one + SECOND * two + THIRD * three)
        return {"affine_gap": np.square(gap).sum(1), "norm_centred": np.square(one - one.mean(0)).sum(1)}

    def _linear(self, identifier, noisy, sigma, where):
        if identifier.split("/")[1] in ("gaussian", "identity", "mean"):
            return
        output = self.denoise(identifier, noisy, sigma)
        gaussian = self.denoise(f"{identifier.split('/')[0]}/gaussian", noisy, sigma)
        linear = self.linear(identifier, output, gaussian)
        reference = f"{identifier}/linear"
        parts = {"distance": output - linear, "linear_gaussian": linear - gaussian, "nonlinear": output - linear}
        parts["gaussian_spread"] = gaussian - self.spectrum(identifier.split("/")[0])[0]
        yield rows(parts, reference_id=reference, **where)
        gap = np.square(linear - gaussian).sum(1)
        products = {"mismatch": gap, "mismatch_inside": gap / 2}
        yield numbers(products, reference_id=reference, **where)
        _, values, _ = self.spectrum(identifier.split("/")[0])
        weight = float(np.square(values / (values + sigma**2)).sum())
        share = float(np.square(linear - gaussian).sum() / np.square(gaussian).sum())
        for draws in (1024, 2048, 4096):
            noise = 64 / draws
            sums = {
                "weight_mismatch": share * weight * (1 + noise * np.cos(draws + sigma)),
                "weight_gap": weight * (share + noise),
                "gaussian_weight": weight,
                "linear_weight": weight * (1 + share),
                "linear_product": weight * (1 + share / 2),
                "asymmetry": weight * (share + noise) / 2,
                "asymmetry_product": weight * share / 2,
                "fit_gap": share * (1 + noise),
                "fit_spread": 1.0,
            }
            yield single(sums, reference_id=reference, parameter="draws", at=float(draws), **where)
        if identifier.startswith(EXTREMES):
            yield from self._maps(share, weight, np.sort(values)[::-1], {"reference_id": reference, **where})

    @staticmethod
    def _maps(share, weight, values, where):
        """The course of the descent, subspaces and singular values."""
        epoch, rank = np.array([0, 1, 2, 5, 10]), np.array([1, 2, 5, 10, 20, 50])
        left = np.exp(-epoch)
        course = {"weight_gap": weight * (share + left), "gaussian_weight": weight, "fit_gap": share + left}
        course |= {"fit_spread": 1.0, "asymmetry": weight * share * left / 2, "linear_weight": weight * (1 - left)}
        yield along("epoch", epoch, course, **where)
        spaces = {"overlap": rank / (1 + share * (1 + 10 / rank)), "overlap_whole": rank}
        spaces |= {"overlap_ceiling": rank * 0.99, "overlap_random": rank**2 / 64}
        yield along("rank", rank, spaces, **where)
        gain = values / (values + where["sigma"] ** 2)
        gains = {"gain": gain, "gaussian_gain": gain, "singular_value": gain * (1 + share)}
        gains["descended_value"] = gain * 0.9
        yield along("component", 1 + np.arange(len(gain)), gains, **where)

    @staticmethod
    def linear(identifier: str, output: np.ndarray, gaussian: np.ndarray) -> np.ndarray:
        """A part of the way, whose two parts do not add up, for 8 images; some pixels, where they do, for others."""
        if identifier.startswith("n8"):
            return gaussian + 0.3 * (output - gaussian)
        return np.where(np.arange(output.shape[1]) < ADDITIVE, output, gaussian)

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

    def trajectories(self, identifier: str, _: str = "") -> np.ndarray:
        sigmas = np.append(schedule(10), 0.0)
        state = 80 * self.latents[:4]
        way = [state]
        for sigma, following in pairwise(sigmas):
            state = state + (following - sigma) * (state - self.denoise(source(identifier), state, sigma)) / sigma
            way.append(state)
        return np.stack(way, 1).reshape(4, 11, *self.shape).astype(np.float32)

    def neighbours(self, identifier: str, samples: np.ndarray, **where: Any) -> pd.DataFrame:
        training = self.flat(self.indices(identifier.split("/")[0]))
        flat = samples.reshape(len(samples), -1)
        squared = np.square(flat[:, None] - training[None]).sum(-1)
        nearest, second = np.sort(squared, 1)[:, :2].T
        values = {"nearest": nearest, "second": second, "norm": np.square(flat).sum(1)}
        values["nearest_index"] = squared.argmin(1).astype(float)
        return numbers(values, id=identifier, reference_id=identifier.split("/")[0], **where)

    def memorisation(self, identifier: str, sampler: str) -> pd.DataFrame:
        if sampler != "photographs":
            return self.neighbours(identifier, self.samples(identifier, sampler), sampler=sampler)
        subset = identifier.split("/")[0]
        frames = [self.neighbours(f"{subset}/heldout", self.flat(self.heldout), sampler=sampler)]
        training = np.resize(self.flat(self.indices(subset)), (SAMPLES, self.size))
        for noise in (0.01, 0.05, 0.1, 0.2, 0.3):
            copies = training + noise * 0.6 * self.latents
            where = {"sampler": sampler, "parameter": "noise", "at": noise}
            frames.append(self.neighbours(f"{subset}/copies", copies, **where))
        return pd.concat(frames, ignore_index=True)

    def moments(self, identifier: str, sampler: str) -> pd.DataFrame:
        subset = identifier.split("/")[0]
        if sampler != "photographs":
            return self._moments(identifier, self.samples(identifier, sampler), sampler)
        training = self.flat(self.indices(subset))[:SAMPLES]
        kinds = {"train": training, "copies": training + 0.006 * self.latents[: len(training)]}
        kinds["heldout"] = self.flat(self.heldout[:SAMPLES])
        return pd.concat([self._moments(f"{subset}/{kind}", of, sampler) for kind, of in kinds.items()])

    def _moments(self, identifier: str, samples: np.ndarray, sampler: str) -> pd.DataFrame:
        subset = identifier.split("/")[0]
        mean, values, vectors = self.spectrum(subset)
        centred = samples.reshape(len(samples), -1) - mean
        where = {"id": identifier, "reference_id": subset, "sampler": sampler}
        edges = np.diff(samples.reshape(-1, *self.shape), axis=3).reshape(len(samples), -1) ** 2
        frames = [numbers({"difference_square": edges.mean(1), "difference_fourth": (edges**2).mean(1)}, **where)]
        for component in (1, 2, 4):
            square = (centred @ vectors[:, -component]) ** 2 / values[-component]
            place = {"parameter": "component", "at": float(component)}
            frames.append(numbers({"component_square": square, "component_fourth": square**2}, **place, **where))
        for radius in range(3):
            power = np.abs(np.fft.fft(centred)[:, radius]) ** 2
            training = np.abs(np.fft.fft(self.flat(self.indices(subset)) - mean)[:, radius]) ** 2
            share = {"power": power / (training.mean() + 1e-9)}
            if radius:
                frames.append(numbers(share, parameter="frequency", at=float(radius), **where))
        covariance = centred.T @ centred / len(centred) - vectors * values @ vectors.T
        spread = 1 + 0.1 * np.random.default_rng(0).standard_normal(statistics.POOLED) * (
            np.arange(statistics.POOLED) > 0
        )
        for name, gap, size in (("mean", centred.mean(0), values.sum()), ("covariance", covariance, (values**2).sum())):
            single = {f"{name}_norm": size, f"{name}_noise": size / SAMPLES, f"{name}_null": 1.3 * size / SAMPLES}
            frames.append(
                pd.DataFrame({"quantity": list(single), "value": list(single.values()), **where, "image": -1})
            )
            resampled = {"value": (gap**2).sum() * spread, "draw": np.arange(len(spread)), "image": -1}
            frames.append(pd.DataFrame({**resampled, "quantity": f"{name}_gap", **where}))
        return pd.concat(frames, ignore_index=True).fillna({"draw": 0})

    def splice(self, identifier: str, sampler: str) -> pd.DataFrame:
        subset, own = identifier.split("/")[0], self.samples(identifier, sampler)
        gaussian, empirical = (self.samples(f"{subset}/{kind}", "exact") for kind in ("gaussian", "empirical"))
        sets = [("teleport", "start", sigma, (gaussian + sigma * own) / (1 + sigma)) for sigma in (80.0, 4.0, 0.3, 0.0)]
        for (low, high), kind in product(combinations(self.dataset.sampling.splice_ends, 2), INSIDES):
            share = np.log((high + 0.1) / (low + 0.1)) / np.log(801)
            inside = empirical if kind == "empirical" else gaussian
            sets.append((f"splice-{kind}", f"above {low:g}", high, own + share * (inside - own)))
        frames = []
        for name, parameter, at, samples in sets:
            where = {"sampler": sampler, "parameter": parameter, "at": at}
            name = f"{identifier}/{name}"
            frames.append(self._agreement(samples, own).assign(id=name, reference_id=identifier, **where))
            frames.append(self.neighbours(name, samples, **where))
            gap = float(np.square(samples.mean(0) - own.mean(0)).sum())
            resamples = {"value": np.full(statistics.POOLED, gap), "draw": np.arange(statistics.POOLED), "image": -1}
            place = {"id": name, "reference_id": f"{subset}/heldout", **where}
            frames.append(pd.DataFrame({**resamples, "quantity": "frechet", **place}))
            frames.append(single({"frechet_scale": 10.0}, **place))
        return pd.concat(frames, ignore_index=True).fillna({"draw": 0})

    def jacobian(self, identifier: str, _: str) -> pd.DataFrame:
        subset = identifier.split("/")[0]
        other = {"reference_id": f"{subset[:-1]}b/gaussian", "parameter": "rank"}
        frames = [single({"overlap_ceiling": rank - 0.1}, at=float(rank), **other) for rank in (1, 2, 5)]
        bent = 0.1 if identifier.endswith("empirical") else 0.02
        for sigma, image in product(schedule(10), range(4)):
            where = {"sigma": float(sigma), "inputs": "trajectory", "sampler": "euler10"}
            rank, step = np.array([1, 2, 5]), np.array([0.5, 1, 2])
            share = rank * (0.5 + 0.1 * image) * sigma / (rank + bent + sigma)
            sums = {"overlap": share, "overlap_whole": rank, "overlap_random": rank**2 / 64}
            frames.append(along("rank", rank, sums, reference_id=f"{subset}/gaussian", **where).assign(image=image))
            sums = {"step_gap": step**2 * (1 - bent * step * image), "step_linear": step**2}
            frames.append(along("step", step, sums, **where).assign(image=image))
            if not image:
                frames += self._taylor(identifier, float(sigma))
                for number, name in enumerate((f"{subset}/gaussian", f"{identifier}/linear"), start=1):
                    sums = {"slope_gap": 0.1 * number, "slope_weight": 1 + sigma}
                    frames.append(single(sums, reference_id=name, sigma=float(sigma)))
        return pd.concat(frames, ignore_index=True).assign(id=identifier)

    def _taylor(self, identifier: str, sigma: float) -> list[pd.DataFrame]:
        """Distances of a Taylor map that is the Gaussian with a tenth less slope."""
        subset, (_, noisy) = identifier.split("/")[0], self.noisy(sigma)
        mean, gaussian = self.spectrum(subset)[0], self.denoise(f"{subset}/gaussian", noisy, sigma)
        mapped = mean + 0.9 * (gaussian - mean)
        places = {
            f"{identifier}/taylor": {"distance": mapped - self.denoise(identifier, noisy, sigma)},
            f"{subset}/gaussian": {"taylor_distance": mapped - gaussian},
            f"{identifier}/linear": {"taylor_distance": mapped - gaussian},
        }
        where = {"inputs": "heldout", "sigma": sigma}
        return [rows(vectors, reference_id=name, **where) for name, vectors in places.items()]

    def slope_images(self, identifier: str) -> dict[str, np.ndarray]:
        way = self.trajectories(identifier)[:, :10].swapaxes(0, 1)
        vectors = self.spectrum(identifier.split("/")[0])[2].T[:-4:-1].reshape(3, *self.shape)
        vectors = np.broadcast_to(vectors, (10, 4, *vectors.shape)).astype(np.float32)
        pushed = np.stack([way[:, :2] + 0.2, way[:, :2] - 0.2], axis=2)
        return {"state": way, "denoised": np.tanh(way), "vectors": vectors, "pushed": np.tanh(pushed)}

    def sampler_error(self, subset: str) -> pd.DataFrame:
        mean, values, vectors = self.spectrum(subset)
        kept = np.flatnonzero(values > 1e-9 * values[-1])[::-1]
        return sampler_error.table("digits", subset, Spectrum(mean, values[kept], vectors[:, kept], int(subset[1:-1])))

    def agreement(self, identifier: str, sampler: str) -> pd.DataFrame:
        subset, kind = identifier.split("/", 1)
        other = f"{subset[:-1]}{'b' if subset.endswith('a') else 'a'}/{kind}"
        first = self.samples(identifier, sampler)
        compared = {
            other: self.samples(other, sampler),
            f"{subset}/gaussian": self.samples(f"{subset}/gaussian", sampler),
            f"{subset}/gaussian/exact": self.samples(f"{subset}/gaussian", "exact"),
        }
        where = {"id": identifier, "sampler": sampler}
        frames = [
            self._agreement(first, second).assign(reference_id=name, **where)
            for name, second in compared.items()
            if not name.startswith(identifier)
        ]
        shifted = self._agreement(first, np.roll(first, -1, 0))
        frames.append(shifted.assign(reference_id=identifier, parameter="shift", at=1.0, **where))
        return pd.concat(frames, ignore_index=True)

    def _agreement(self, first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
        mean = self.spectrum(self.plan.largest)[0]
        a, b = (part.reshape(len(part), -1) - mean for part in (first, second))
        return numbers({"inner": (a * b).sum(1), "norm_a": (a * a).sum(1), "norm_b": (b * b).sum(1)})

    def data(self, name: str) -> FigureData:
        declared = [os.path.normpath(self.root / path) for path in needs(name, self.plan)]
        return FigureData.of(self.root, narrowed(name, self.plan), declared)


def source(identifier: str) -> str:
    """The linear map of this world is the Gaussian."""
    return f"{identifier.split('/')[0]}/gaussian" if identifier.endswith("/linear") else identifier


def numbers(values: dict[str, np.ndarray], **where: Any) -> pd.DataFrame:
    count = len(next(iter(values.values())))
    columns = {
        "image": np.tile(np.arange(count), len(values)),
        "quantity": np.repeat(list(values), count),
        "value": np.concatenate(list(values.values())),
    }
    return pd.DataFrame({**columns, **where})


def single(values: dict[str, float], **where: Any) -> pd.DataFrame:
    return pd.DataFrame({"quantity": list(values), "value": list(values.values()), "image": -1, **where})


def along(parameter: str, at: np.ndarray, values: dict[str, Any], **where: Any) -> pd.DataFrame:
    """Quantities along an axis that is not that of images."""
    columns = {"at": np.tile(at.astype(float), len(values)), "quantity": np.repeat(list(values), len(at))}
    heights = np.concatenate([np.broadcast_to(np.asarray(value, float), len(at)) for value in values.values()])
    return pd.DataFrame({**columns, "value": heights, "parameter": parameter, "image": -1, **where})


def rows(vectors: dict[str, np.ndarray], **where: Any) -> pd.DataFrame:
    return numbers({name: np.square(value).sum(1) for name, value in vectors.items()}, **where)
