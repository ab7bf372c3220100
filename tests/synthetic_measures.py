"""Shards of a synthetic study: its denoisers, linear maps and slopes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from synthetic import turned
from synthetic_arrays import EXTREMES, LEVELS, Arrays
from synthetic_rows import along, numbers, rows, single

from hidden_gaussian.levels import schedule
from hidden_gaussian.references import possible

FIRST, SECOND, THIRD = 2 / 3, 2 / 3, -1 / 3


class MeasureShards(Arrays):
    """What is measured of denoisers, and of their slopes."""

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
        parts = {"nonlinear": output - linear}
        parts |= {"distance": 1.1 * (output - linear), "linear_gaussian": 1.1 * (linear - gaussian)}  # noise of the fit
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
