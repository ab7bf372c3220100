"""Moments and quality of a sample set: against the images it was made from, and against held-out photographs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gaussian.data import load_inputs, open_subset
from hidden_gaussian.metrics import (
    FrechetDistance,
    MomentGaps,
    ResamplingNull,
    component_quantities,
    difference_quantities,
    radial_power,
)
from hidden_gaussian.pixels import to_unit
from hidden_gaussian.sampling.sample_sets import noisy_copies, rows, single_rows
from hidden_gaussian.seeding import numpy_stream
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.statistics import stream_of

Array = NDArray[np.float64]
POOL = 2048  # training images that stand for all in the null and in the reference of the power spectrum
HELDOUT = 4096


@dataclass(frozen=True)
class Standard:
    """What the samples of one subset are held against.

    Attributes
    ----------
    subset : str
        Folder of the training subset, such as ``n64a``.
    spectrum : Spectrum
        Its mean and covariance.
    training : uint8 ndarray of shape (N, channels, height, width)
        Its images.
    frechet : FrechetDistance or None
        Distance to held-out images; None where there are none.
    """

    subset: str
    spectrum: Spectrum
    training: NDArray[np.uint8]
    frechet: FrechetDistance | None

    @classmethod
    def open(cls, root: Path, subset: str, largest: str, inputs: list[str]) -> Standard:
        """Read it from the files of a dataset; `largest` is the folder of the largest subset."""
        heldout = load_inputs(root, "heldout", HELDOUT) if "heldout" in inputs else None
        frechet = None
        if heldout is not None and len(heldout):
            space = Spectrum.load(root / largest / "spectrum.safetensors")
            frechet = FrechetDistance(to_unit(heldout).reshape(len(heldout), -1), space)
        return cls(
            subset,
            Spectrum.load(root / subset / "spectrum.safetensors"),
            open_subset(root / "images.npy", root / subset / "subset.npy"),
            frechet,
        )

    def measured(self, identifier: str, samples: NDArray[Any], sampler: str, *, seed: int) -> pd.DataFrame:
        """Return the shard rows of a sample set.

        Parameters
        ----------
        samples : ndarray of shape (n, channels, height, width)
            In [-1, 1].
        """
        where = {"reference_id": self.subset, "sampler": sampler}
        pixels = samples.astype(np.float64)
        centred = pixels.reshape(len(pixels), -1) - self.spectrum.mean
        frames = [rows(identifier, difference_quantities(pixels), **where)]
        for component, quantities in component_quantities(centred, self.spectrum):
            frames.append(rows(identifier, quantities, **where, parameter="component", at=float(component)))
        power = radial_power(centred.reshape(pixels.shape))
        for radius, (own, reference) in enumerate(zip(power.T, self._power(), strict=True)):
            if reference > 0:
                relative = {"power": own / reference}
                frames.append(rows(identifier, relative, **where, parameter="frequency", at=float(radius)))
        frames += self._gaps(identifier, centred, where, seed)
        frames += self.quality(identifier, samples, sampler)
        return pd.concat(frames, ignore_index=True)

    def _gaps(self, identifier: str, centred: Array, where: Mapping[str, object], seed: int) -> list[pd.DataFrame]:
        gaps = MomentGaps.of(centred, self.spectrum, stream_of(str(where["sampler"])))
        if gaps is None:
            return []
        pool = to_unit(self.training[:POOL]).reshape(-1, centred.shape[1])
        null = ResamplingNull.of(pool, len(centred), numpy_stream(seed, f"moments of {self.subset}"))
        sizes = {
            "mean_norm": float(self.spectrum.eigenvalues.sum()),
            "covariance_norm": float(np.square(self.spectrum.eigenvalues).sum()),
        }
        return [
            resampled_rows(identifier, {"mean_gap": gaps.mean, "covariance_gap": gaps.covariance}, **where),
            single_rows(identifier, sizes | asdict(null), **where),
        ]

    def _power(self) -> Array:
        pool = to_unit(self.training[:POOL])
        mean: Array = radial_power(pool - self.spectrum.mean.reshape(pool.shape[1:])).mean(0)
        return mean

    def quality(self, identifier: str, samples: NDArray[Any], sampler: str, **where: object) -> list[pd.DataFrame]:
        """Return the rows of the distance to held-out images; none where there are no such images."""
        if self.frechet is None:
            return []
        place = {"reference_id": f"{self.subset}/heldout", "sampler": sampler, **where}
        distance = self.frechet(samples.reshape(len(samples), -1).astype(np.float64), stream_of(sampler))
        return [
            resampled_rows(identifier, {"frechet": distance}, **place),
            single_rows(identifier, {"frechet_scale": self.frechet.scale}, **place),
        ]

    def nulls(self, heldout: NDArray[Any], *, count: int, seed: int) -> pd.DataFrame:
        """Return the same of photographs and of copies: training images, held-out images, copies with 1 % noise.

        Parameters
        ----------
        heldout : ndarray of shape (n, channels, height, width)
            In [-1, 1]; held-out images are not compared with themselves.
        count : int
            Most images of each kind.
        """
        _, copies = next(noisy_copies(self.training, count, seed))
        kinds: dict[str, NDArray[Any]] = {"train": to_unit(self.training[:count]), "copies": copies}
        frames = [self.measured(f"{self.subset}/{kind}", of, "photographs", seed=seed) for kind, of in kinds.items()]
        alone = Standard(self.subset, self.spectrum, self.training, None)
        frames.append(alone.measured(f"{self.subset}/heldout", heldout[:count], "photographs", seed=seed))
        return pd.concat(frames, ignore_index=True)


def resampled_rows(identifier: str, statistics: Mapping[str, Array], **where: object) -> pd.DataFrame:
    """Return shard rows of statistics that are no sums: draw 0 is the estimate, the others are its resamples."""
    frames = [
        pd.DataFrame(
            {"id": identifier, **where, "image": -1, "draw": np.arange(len(values)), "quantity": name, "value": values}
        )
        for name, values in statistics.items()
    ]
    return pd.concat(frames, ignore_index=True)
