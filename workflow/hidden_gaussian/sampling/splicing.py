"""Samples of a network that another denoiser replaces at some noise levels, to see which levels matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from hidden_gaussian.denoisers import Denoiser, GaussianDenoiser, SplicedDenoiser
from hidden_gaussian.metrics import agreement_quantities
from hidden_gaussian.noise_schedule import SIGMA_MAX, sampler_levels
from hidden_gaussian.sampling import solvers
from hidden_gaussian.sampling.sample_moments import MomentReference
from hidden_gaussian.sampling.sample_sets import memorisation_rows, sample_rows


class SplicedSamples(NamedTuple):
    """Samples, with the noise levels at which another denoiser made them.

    Attributes
    ----------
    name : str
        ``splice-<kind>`` or ``teleport``; the id of the set is this below the network's id.
    parameter, at : str, float
        ``above <low>`` and the upper end of the replaced levels, or ``start`` and the first level of the network.
    samples : Tensor of shape (n, channels, height, width)
    """

    name: str
    parameter: str
    at: float
    samples: Tensor


def level_ranges(ends: Sequence[float]) -> list[tuple[float, float]]:
    """Return every range (low, high] of noise levels between two of the ends.

    Examples
    --------
    >>> level_ranges([80.0, 0.0, 1.0])
    [(0.0, 1.0), (0.0, 80.0), (1.0, 80.0)]
    """
    return list(combinations(sorted(ends), 2))


def splice(
    network: Denoiser,
    replacements: Mapping[str, Denoiser],
    states: Sequence[Tensor],
    sampler: str,
    ends: Sequence[float],
) -> Iterator[SplicedSamples]:
    """Yield samples for every denoiser and every range of levels at which it replaces the network.

    Parameters
    ----------
    network : Denoiser
    replacements : mapping of kind to Denoiser
        ``linear`` needs a sampler that visits the levels of the distilled maps.
    states : sequence of Tensor of shape (n, channels, height, width)
        The network's own states at the levels of the sampler; above the range nothing is replaced.
    sampler : str
        One of :data:`hidden_gaussian.noise_schedule.SOLVERS`.
    ends : sequence of float
        See :func:`level_ranges`.
    """
    levels = sampler_levels(sampler)
    for kind, replacement in replacements.items():
        for low, high in level_ranges(ends):
            begin = max(sum(level > high for level in levels) - 1, 0)
            denoiser = SplicedDenoiser(network, replacement, low, high)
            samples = solvers.draw(denoiser, states[begin], sampler, begin)
            above = f"above {np.format_float_positional(low, trim='-')}"
            yield SplicedSamples(f"splice-{kind}", above, high, samples)


def teleport(network: Denoiser, gaussian: GaussianDenoiser, start: Tensor, sampler: str) -> Iterator[SplicedSamples]:
    """Yield samples of a network that starts from the exact Gaussian solution, at every level of the sampler.

    Wang and Vastola 2024 skip the first steps in this way. The last set, at noise level 0, is the Gaussian's own.

    Parameters
    ----------
    network : Denoiser
    gaussian : GaussianDenoiser
        Of the training images.
    start : Tensor of shape (n, channels, height, width)
        Latents.
    sampler : str
        One of :data:`hidden_gaussian.noise_schedule.SOLVERS`.
    """
    for begin, sigma in enumerate(sampler_levels(sampler)):
        state = gaussian.flow(start.double(), SIGMA_MAX, sigma).float()
        samples = solvers.draw(network, state, sampler, begin)
        yield SplicedSamples("teleport", "start", sigma, samples)


def splice_rows(
    identifier: str,
    sets: Iterable[SplicedSamples],
    unspliced: Tensor,
    reference: MomentReference,
    mean: NDArray[np.float64],
    sampler: str,
) -> pd.DataFrame:
    """Return shard rows: agreement of spliced samples with the network's own, their memorisation and quality.

    Parameters
    ----------
    identifier : str
        Id of the network.
    unspliced : Tensor of shape (n, channels, height, width)
        The network's own samples from the same latents.
    reference : MomentReference
        Training images, and the distance to held-out images.
    mean : ndarray of shape (d,)
        Mean image of the dataset.
    """
    own = unspliced.flatten(1).double().cpu().numpy()
    frames = []
    for spliced in sets:
        name, samples = f"{identifier}/{spliced.name}", spliced.samples.cpu().numpy()
        axis: dict[str, ArrayLike] = {"parameter": spliced.parameter, "at": spliced.at}
        agreement = agreement_quantities(samples.reshape(own.shape).astype(np.float64), own, mean)
        frames.append(sample_rows(name, agreement, reference_id=identifier, sampler=sampler, **axis))
        frames.append(memorisation_rows(name, samples, reference.training, sampler=sampler, **axis))
        frames += reference.quality_rows(name, samples, sampler, **axis)
    return pd.concat(frames, ignore_index=True)
