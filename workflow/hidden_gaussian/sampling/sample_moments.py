"""Moments and quality of sample sets, compared with their training images and with held-out photographs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hidden_gaussian.cells import DenoiserId
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
from hidden_gaussian.sampling.sample_sets import PHOTOGRAPHS, control_rows, load, noisy_copies, sample_rows
from hidden_gaussian.seeding import numpy_stream
from hidden_gaussian.settings import unseen
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.statistics import stream_of
from hidden_gaussian.storage import shard_rows

Array = NDArray[np.float64]
POOL = 2048  # most training images for the null and for the reference of the power spectrum
HELDOUT = 4096  # most held-out images


@dataclass(frozen=True)
class MomentReference:
    """The images and moments that the samples of one subset are compared with.

    Attributes
    ----------
    subset : str
        Id of the training subset, such as ``n64a``.
    spectrum : Spectrum
        Its mean and covariance.
    training : uint8 ndarray of shape (N, channels, height, width)
        Its images.
    frechet : FrechetDistance or None
        Distance to held-out images; None where there are none.

    Examples
    --------
    >>> from hidden_gaussian import spectrum
    >>> training = np.random.default_rng(0).integers(0, 256, (64, 1, 4, 4), dtype=np.uint8)
    >>> reference = MomentReference("n64a", spectrum.fit(training), training, None)
    >>> rows = reference.rows("n64a/gaussian", training / 127.5 - 1, "exact", seed=0)
    >>> sorted(rows["quantity"].unique())[:2]
    ['component_fourth', 'component_square']
    """

    subset: str
    spectrum: Spectrum
    training: NDArray[np.uint8]
    frechet: FrechetDistance | None

    @classmethod
    def open(cls, root: Path, subset: str, largest: str, inputs: Sequence[str]) -> MomentReference:
        """Read it from the files of a dataset.

        Parameters
        ----------
        root : path
            Folder of a dataset's results.
        subset, largest : str
            Ids of the training subset and of the largest subset, whose components are the space of the distance.
        inputs : sequence of str
            Kinds of clean images that the dataset has.
        """
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

    def rows(self, identifier: str, samples: NDArray[Any], sampler: str, *, seed: int) -> pd.DataFrame:
        """Return shard rows of the moments and the quality of a sample set.

        Parameters
        ----------
        samples : ndarray of shape (n, channels, height, width)
            In [-1, 1].
        """
        where: dict[str, ArrayLike] = {"reference_id": self.subset, "sampler": sampler}
        pixels = samples.astype(np.float64)
        centred = pixels.reshape(len(pixels), -1) - self.spectrum.mean
        frames = [sample_rows(identifier, difference_quantities(pixels), **where)]
        for component, quantities in component_quantities(centred, self.spectrum):
            frames.append(sample_rows(identifier, quantities, **where, parameter="component", at=float(component)))
        power = radial_power(centred.reshape(pixels.shape))
        for radius, (own, reference) in enumerate(zip(power.T, self._power(), strict=True)):
            if reference > 0:
                relative = {"power": own / reference}
                frames.append(sample_rows(identifier, relative, **where, parameter="frequency", at=float(radius)))
        frames += self._gap_rows(identifier, centred, sampler, seed)
        frames += self.quality_rows(identifier, samples, sampler)
        return pd.concat(frames, ignore_index=True)

    def _gap_rows(self, identifier: str, centred: Array, sampler: str, seed: int) -> Iterator[pd.DataFrame]:
        gaps = MomentGaps.of(centred, self.spectrum, stream_of(sampler))
        if gaps is None:
            return
        pool = to_unit(self.training[:POOL]).reshape(-1, centred.shape[1])
        null = ResamplingNull.of(pool, len(centred), numpy_stream(seed, f"moments of {self.subset}"))
        norms = {
            "mean_norm": float(self.spectrum.eigenvalues.sum()),
            "covariance_norm": float(np.square(self.spectrum.eigenvalues).sum()),
        }
        where: dict[str, ArrayLike] = {"reference_id": self.subset, "sampler": sampler}
        resamples = {"mean_gap": gaps.mean, "covariance_gap": gaps.covariance}
        yield shard_rows(identifier, resamples, draw=np.arange(len(gaps.mean)), **where)
        yield shard_rows(identifier, norms | asdict(null), **where)

    def _power(self) -> Array:
        pool = to_unit(self.training[:POOL])
        mean: Array = radial_power(pool - self.spectrum.mean.reshape(pool.shape[1:])).mean(0)
        return mean

    def quality_rows(
        self, identifier: str, samples: NDArray[Any], sampler: str, **where: ArrayLike
    ) -> Iterator[pd.DataFrame]:
        """Yield shard rows of the distance to held-out images, if there are any.

        Draw 0 is the estimate, the others are its resamples.
        """
        if self.frechet is None:
            return
        place: dict[str, ArrayLike] = {"reference_id": f"{self.subset}/heldout", "sampler": sampler, **where}
        distance = self.frechet(samples.reshape(len(samples), -1).astype(np.float64), stream_of(sampler))
        yield shard_rows(identifier, {"frechet": distance}, draw=np.arange(len(distance)), **place)
        yield shard_rows(identifier, {"frechet_scale": self.frechet.scale}, **place)

    def control_rows(self, heldout: NDArray[Any], *, count: int, seed: int) -> pd.DataFrame:
        """Return the same rows for photographs: training images, their copies with 1 % noise, held-out images.

        Parameters
        ----------
        heldout : ndarray of shape (n, channels, height, width)
            In [-1, 1]; held-out images are not compared with themselves.
        count : int
            Most images of each kind.
        """
        _, copies = next(noisy_copies(self.training, count, seed))
        kinds: dict[str, NDArray[Any]] = {"train": to_unit(self.training[:count]), "copies": copies}
        frames = [self.rows(f"{self.subset}/{kind}", images, PHOTOGRAPHS, seed=seed) for kind, images in kinds.items()]
        without_distance = replace(self, frechet=None)
        frames.append(without_distance.rows(f"{self.subset}/heldout", heldout[:count], PHOTOGRAPHS, seed=seed))
        return pd.concat(frames, ignore_index=True)


def measure_samples(
    root: str | Path,
    identifier: str,
    sampler: str,
    samples: str | Path,
    *,
    largest: str,
    inputs: Sequence[str],
    seed: int,
) -> pd.DataFrame:
    """Return shard rows of the moments and the quality of a sample set, from the files of a dataset.

    Parameters
    ----------
    root, largest, inputs
        See :meth:`MomentReference.open`.
    identifier, sampler : str
        Id of the denoiser, and the solver that made the samples.
    samples : path
        ``samples_<sampler>.npy``.
    seed : int
        Root seed of the study.

    Examples
    --------
    >>> settings = {"largest": "n512a", "inputs": ["heldout"], "seed": 0}
    >>> path = "results/digits/n64a/gaussian/samples_exact.npy"
    >>> rows = measure_samples("results/digits", "n64a/gaussian", "exact", path, **settings)  # doctest: +SKIP
    """
    reference = MomentReference.open(Path(root), DenoiserId.parse(identifier).subset.id, largest, inputs)
    return reference.rows(identifier, load(samples), sampler, seed=seed)


class Controls(NamedTuple):
    """Shard rows of photographs and noisy copies, measured like samples."""

    memorisation: pd.DataFrame
    moments: pd.DataFrame


def measure_controls(
    root: str | Path, subset: str, *, count: int, largest: str, inputs: Sequence[str], seed: int
) -> Controls:
    """Measure photographs and noisy copies of training images like samples, from the files of a dataset.

    Parameters
    ----------
    root, subset, largest, inputs
        See :meth:`MomentReference.open`.
    count : int
        Most images of each kind.
    seed : int
        Root seed of the study.

    Examples
    --------
    >>> settings = {"count": 64, "largest": "n512a", "inputs": ["heldout"], "seed": 0}
    >>> memorisation, moments = measure_controls("results/digits", "n64a", **settings)  # doctest: +SKIP
    """
    root = Path(root)
    reference = MomentReference.open(root, subset, largest, inputs)
    pixels = load_inputs(root, unseen(inputs), count, subset=root / subset / "subset.npy")
    heldout = to_unit(pixels.astype(np.float32))
    return Controls(
        control_rows(subset, heldout, reference.training, count=count, seed=seed),
        reference.control_rows(heldout, count=count, seed=seed),
    )
