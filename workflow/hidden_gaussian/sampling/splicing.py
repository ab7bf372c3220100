"""Samples of a network that another denoiser replaces at some noise levels: which levels make a sample what it is?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from hidden_gaussian.denoisers import Denoiser, GaussianDenoiser, SplicedDenoiser
from hidden_gaussian.metrics import agreement_quantities
from hidden_gaussian.noise_schedule import SIGMA_MAX, sampler_levels
from hidden_gaussian.sampling import solvers
from hidden_gaussian.sampling.sample_moments import Standard
from hidden_gaussian.sampling.sample_sets import memorisation_rows, rows


class SampleSet(NamedTuple):
    """Samples by what made them.

    Attributes
    ----------
    name : str
        ``splice-<kind>``, or ``teleport``: below the network's id.
    parameter, at : str, float
        ``above <low>`` and the upper end of the replaced levels; ``start`` and the level the network takes over at.
    samples : Tensor of shape (n, channels, height, width)
    """

    name: str
    parameter: str
    at: float
    samples: Tensor


def ranges(ends: Sequence[float]) -> list[tuple[float, float]]:
    """Return every range of noise levels between two of the ends: (low, high], the lower end excluded."""
    return list(combinations(sorted(ends), 2))


def spliced(
    network: Denoiser, insides: Mapping[str, Denoiser], way: Sequence[Tensor], sampler: str, ends: Sequence[float]
) -> Iterator[SampleSet]:
    """Yield the samples for every denoiser and every range of levels at which it replaces the network.

    Parameters
    ----------
    network : Denoiser
    insides : mapping of kind to Denoiser
        What replaces it; ``linear`` needs a sampler that visits the levels it was fitted at.
    way : sequence of Tensor of shape (n, channels, height, width)
        The network's own states at the levels of the sampler: down to the range they are the same.
    sampler : str
        One of ``levels.SOLVERS``.
    ends : sequence of float
        See :func:`ranges`.
    """
    levels = sampler_levels(sampler)
    for kind, inside in insides.items():
        for low, high in ranges(ends):
            begin = max(sum(level > high for level in levels) - 1, 0)
            denoiser = SplicedDenoiser(network, inside, low, high)
            samples = solvers.draw(denoiser, way[begin], sampler, begin)
            yield SampleSet(f"splice-{kind}", f"above {np.format_float_positional(low, trim='-')}", high, samples)


def teleported(network: Denoiser, gaussian: GaussianDenoiser, start: Tensor, sampler: str) -> Iterator[SampleSet]:
    """Yield the samples of a network that takes over from the exact Gaussian solution, at every level of the sampler.

    The last set, at 0, is the Gaussian's own (Wang and Vastola 2024: the first steps can be left out; here, how many).

    Parameters
    ----------
    network : Denoiser
    gaussian : GaussianDenoiser
        Of the training images.
    start : Tensor of shape (n, channels, height, width)
        Latents.
    sampler : str
        One of ``levels.SOLVERS``.
    """
    for begin, sigma in enumerate(sampler_levels(sampler)):
        state = gaussian.flow(start.double(), SIGMA_MAX, sigma).float()
        samples = solvers.draw(network, state, sampler, begin)
        yield SampleSet("teleport", "start", sigma, samples)


def shard(
    identifier: str,
    sets: Iterable[SampleSet],
    unspliced: Tensor,
    standard: Standard,
    mean: NDArray[np.float64],
    sampler: str,
) -> pd.DataFrame:
    """Return how alike spliced samples are to the network's own, how much they memorise, and how good they are.

    Parameters
    ----------
    identifier : str
        Of the network.
    unspliced : Tensor of shape (n, channels, height, width)
        Its own samples of the same latents.
    standard : Standard
        Training images, and the distance to held-out ones.
    mean : ndarray of shape (d,)
        Mean image of the dataset.
    """
    own = unspliced.flatten(1).double().cpu().numpy()
    frames = []
    for made in sets:
        name, samples = f"{identifier}/{made.name}", made.samples.cpu().numpy()
        axis = {"parameter": made.parameter, "at": made.at}
        alike = agreement_quantities(samples.reshape(own.shape).astype(np.float64), own, mean)
        frames.append(rows(name, alike, reference_id=identifier, sampler=sampler, **axis))
        frames.append(memorisation_rows(name, samples, standard.training, sampler=sampler, **axis))
        frames += standard.quality(name, samples, sampler, **axis)
    return pd.concat(frames, ignore_index=True)
