"""Shards of a synthetic study: its samples."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from synthetic_arrays import SAMPLES, Arrays
from synthetic_rows import numbers, single

from hidden_gaussian import statistics
from hidden_gaussian.figures.splice import INSIDES


class SampleShards(Arrays):
    """What is measured of samples."""

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
