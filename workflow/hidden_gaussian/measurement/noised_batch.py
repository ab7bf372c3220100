"""The parts of a measurement: a denoiser with its references, noisy images that all denoisers share, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from torch import Tensor

from hidden_gaussian.denoisers import Denoiser, GaussianDenoiser
from hidden_gaussian.distillation import add_noise
from hidden_gaussian.storage import shard_rows


@dataclass(frozen=True)
class Target:
    """A denoiser to evaluate, with the references that it is compared with.

    Attributes
    ----------
    id : str
        Its path below the dataset's folder.
    denoiser : Denoiser
    gaussian_id, gaussian
        The Gaussian denoiser of its own training subset.
    references : mapping of str to Denoiser
        Further denoisers whose distance is measured, by id.
    mean : Tensor of shape (channels, height, width)
        Mean image of its training subset.

    Examples
    --------
    >>> import numpy as np
    >>> from hidden_gaussian import spectrum
    >>> pixels = np.random.default_rng(0).integers(0, 256, (32, 1, 2, 2), dtype=np.uint8)
    >>> gaussian = GaussianDenoiser(spectrum.fit(pixels))
    >>> Target("n32a/mine", lambda y, sigma: y, "n32a/gaussian", gaussian, {}, gaussian.mean.reshape(1, 2, 2)).id
    'n32a/mine'
    """

    id: str
    denoiser: Denoiser
    gaussian_id: str
    gaussian: GaussianDenoiser
    references: Mapping[str, Denoiser]
    mean: Tensor


class ShardAndImages(NamedTuple):
    """The measurements of one denoiser, and images that show them.

    Attributes
    ----------
    shard : DataFrame with the columns of ``schemas.SHARD``
    images : dict of Tensor

    Examples
    --------
    >>> shard, images = ShardAndImages(pd.DataFrame({"id": ["n64a/gaussian"]}), {})
    >>> len(shard), images
    (1, {})
    """

    shard: pd.DataFrame
    images: dict[str, Tensor]


@dataclass(frozen=True)
class NoisedBatch:
    """Noisy versions of some clean images at one noise level, the same for every denoiser.

    Attributes
    ----------
    inputs : str
        Kind of clean images, such as ``heldout``.
    sigma : float
        Standard deviation of the noise.
    clean, noisy : Tensor of shape (draws * images, channels, height, width)
        Ordered by noise draw.
    images : int
        Number of different clean images.

    Examples
    --------
    >>> import torch
    >>> batch = NoisedBatch.of("heldout", torch.zeros(3, 1, 2, 2), 1.5, draws=2, seed=0)
    >>> batch.noisy.shape, batch.first_draw().noisy.shape
    (torch.Size([6, 1, 2, 2]), torch.Size([3, 1, 2, 2]))
    """

    inputs: str
    sigma: float
    clean: Tensor
    noisy: Tensor
    images: int

    @classmethod
    def of(cls, inputs: str, clean: Tensor, sigma: float, *, draws: int, seed: int) -> NoisedBatch:
        """Add noise to clean images; every level has the same noise, scaled."""
        pairs = range(draws * len(clean))
        noisy, _ = add_noise(clean, pairs, sigma, seed=seed, purpose=f"measures/{inputs}")
        return cls(inputs, sigma, clean.repeat(draws, 1, 1, 1), noisy, len(clean))

    def first_draw(self) -> NoisedBatch:
        """Return the part with the first noise draw of each image."""
        return replace(self, clean=self.clean[: self.images], noisy=self.noisy[: self.images])

    def rows(self, identifier: str, quantities: Mapping[str, Tensor], **where: ArrayLike) -> pd.DataFrame:
        """Return shard rows of quantities with one number for each noisy image."""
        values = {name: numbers.double().cpu().numpy() for name, numbers in quantities.items()}
        draw, image = np.divmod(np.arange(len(self.noisy)), self.images)
        return shard_rows(identifier, values, image=image, draw=draw, inputs=self.inputs, sigma=self.sigma, **where)

    def overall_rows(self, identifier: str, quantities: Mapping[str, ArrayLike], **where: ArrayLike) -> pd.DataFrame:
        """Return shard rows of quantities that do not belong to one image."""
        return shard_rows(identifier, quantities, inputs=self.inputs, sigma=self.sigma, **where)
