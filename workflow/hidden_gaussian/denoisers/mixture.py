"""The mixture denoiser: a few low-rank Gaussians, between the Gaussian and the empirical denoiser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers.protocol import column
from hidden_gaussian.errors import InputError
from hidden_gaussian.seeding import derive
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import holding, load_arrays, save_tensors

RANK = 256  # components of each Gaussian


class MixtureDenoiser:
    """The posterior mean under a mixture of Gaussians.

    The weights follow from the matrix inversion lemma, without a d x d matrix: with projections p on the components,
    their variances lambda and the variance r of all other directions,
    |x - m|^2_(C + s^2 I)^-1 = (|x - m|^2 - sum (lambda - r) / (lambda + s^2) p^2) / (r + s^2). One Gaussian makes the
    Gaussian denoiser; one of rank 0 for each image makes the empirical denoiser. Everything is float64, because the
    weights need it at low noise.

    Parameters
    ----------
    parts : sequence of Spectrum
        The Gaussians, weighted by their numbers of images.
    device : device or str

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 1, 2, 2), dtype=np.uint8)
    >>> MixtureDenoiser.fit(images, 2)(torch.zeros(3, 1, 2, 2), 0.5).shape
    torch.Size([3, 1, 2, 2])
    """

    def __init__(self, parts: Sequence[Spectrum], device: torch.device | str = "cpu") -> None:
        self.parts = parts
        count = sum(part.count for part in parts)
        self.log_weights = [float(np.log(part.count / count)) for part in parts]
        arrays = [(part.mean, part.eigenvalues, part.eigenvectors) for part in parts]
        self.gaussians = [tuple(torch.as_tensor(array).to(device, torch.float64) for array in part) for part in arrays]

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the posterior mean of each noisy image."""
        flat = noisy.flatten(1).double()
        variance = column(sigma, flat) ** 2
        best = flat.new_full((len(flat), 1), -torch.inf)
        mass, total = torch.zeros_like(best), torch.zeros_like(flat)
        for part in range(len(self.parts)):
            logit, denoised = self._component(part, flat, variance)
            highest = torch.maximum(best, logit)
            decay, weight = torch.exp(best - highest), torch.exp(logit - highest)
            mass = mass * decay + weight
            total = total * decay + weight * denoised
            best = highest
        return (total / mass).to(noisy).reshape(noisy.shape)

    def _component(self, part: int, flat: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return log(weight times density), up to a constant, and the posterior mean under one Gaussian."""
        mean, values, vectors = self.gaussians[part]
        rest = self.parts[part].rest
        centred = flat - mean
        inside = centred @ vectors
        outer = rest + variance
        length = centred.square().sum(1, keepdim=True)
        length = length - ((values - rest) / (values + variance) * inside.square()).sum(1, keepdim=True)
        volume = ((values + variance) / outer).log().sum(1, keepdim=True) + flat.shape[1] * outer.log()
        gain = values / (values + variance) - rest / outer
        denoised = mean + rest / outer * centred + (inside * gain) @ vectors.T
        return self.log_weights[part] - (length / outer + volume) / 2, denoised

    @classmethod
    def fit(cls, images: NDArray[np.uint8], components: int, *, rank: int = RANK, seed: int = 0) -> MixtureDenoiser:
        """Return the mixture of the Gaussians of k-means clusters.

        Parameters
        ----------
        images : uint8 ndarray of shape (N, channels, height, width)
        components : int
            Clusters K, at most N.
        rank : int
            Components of each Gaussian; the rest of its variance is spread over all other directions.

        Raises
        ------
        InputError
            If fewer images than clusters are different.
        """
        from sklearn.cluster import KMeans  # here, because it takes a second

        rows = images.reshape(len(images), -1).astype(np.float32)
        state = derive(seed, f"mixture-{components}") % 2**32
        labels = KMeans(components, n_init=1, random_state=state).fit_predict(rows)
        if len(np.unique(labels)) < components:
            raise InputError(
                f"mixture-{components} of measures.references or sampling.references needs as many different training "
                f"images, but the subset has {len(np.unique(labels))} among its {len(rows)}; choose fewer components"
            )
        fitted = (spectrum.fit(images[labels == label]) for label in range(components))
        return cls([part.leading(rank, spread=True) if len(part.eigenvalues) > rank else part for part in fitted])

    def save(self, path: str | Path) -> None:
        """Write to a ``.safetensors`` file, components in float32."""
        arrays: dict[str, np.ndarray] = {
            "counts": np.array([part.count for part in self.parts]),
            "rests": np.array([part.rest for part in self.parts]),
        }
        for number, part in enumerate(self.parts):
            arrays[f"mean.{number}"], arrays[f"values.{number}"] = part.mean, part.eigenvalues
            arrays[f"vectors.{number}"] = part.eigenvectors.astype(np.float32)
        save_tensors(path, arrays)

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "cpu") -> MixtureDenoiser:
        """Read a denoiser written by :meth:`save`; InputError if it is something else."""
        found = load_arrays(path)
        with holding(path, "a mixture"):
            moments = enumerate(zip(found["counts"], found["rests"], strict=True))
            parts = [
                Spectrum(found[f"mean.{i}"], found[f"values.{i}"], found[f"vectors.{i}"], int(count), float(rest))
                for i, (count, rest) in moments
            ]
        return cls(parts, device)
