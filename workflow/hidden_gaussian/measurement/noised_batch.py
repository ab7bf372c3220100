"""What is measured on what: a denoiser with its references, and noisy images that all denoisers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hidden_gaussian.denoisers import Denoiser, GaussianDenoiser
from hidden_gaussian.distillation import add_noise


@dataclass(frozen=True)
class Target:
    """A denoiser to be measured, with what it is compared to.

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
    """

    id: str
    denoiser: Denoiser
    gaussian_id: str
    gaussian: GaussianDenoiser
    references: Mapping[str, Denoiser]
    mean: Tensor


@dataclass(frozen=True)
class NoisedBatch:
    """Noisy versions of some clean images at one noise level; the same for every denoiser.

    Attributes
    ----------
    inputs : str
        Which clean images.
    sigma : float
    images : int
        Different clean images among them.
    clean, noisy : Tensor of shape (draws * images, channels, height, width)
        Draw by draw.
    """

    inputs: str
    sigma: float
    clean: Tensor
    noisy: Tensor
    images: int

    @classmethod
    def of(cls, inputs: str, clean: Tensor, sigma: float, *, draws: int, seed: int) -> NoisedBatch:
        """Noise clean images; every level uses the same noise, scaled."""
        everything = range(draws * len(clean))
        noisy, _ = add_noise(clean, everything, sigma, seed=seed, purpose=f"measures/{inputs}")
        return cls(inputs, sigma, clean.repeat(draws, 1, 1, 1), noisy, len(clean))

    def first_draw(self) -> NoisedBatch:
        """Return the part with one noise an image."""
        return replace(self, clean=self.clean[: self.images], noisy=self.noisy[: self.images])

    def rows(self, identifier: str, quantities: Mapping[str, Tensor], **where: object) -> pd.DataFrame:
        """Return shard rows of quantities with one number for each noisy image."""
        noisy, several = np.arange(len(self.noisy), dtype=np.int32), len(quantities)
        columns = {
            "image": np.tile(noisy % self.images, several),
            "draw": np.tile(noisy // self.images, several),
            "quantity": np.repeat([*quantities], len(noisy)),
            "value": torch.stack([values.double() for values in quantities.values()]).flatten().cpu().numpy(),
        }
        return pd.DataFrame({"id": identifier, "inputs": self.inputs, "sigma": self.sigma, **where, **columns})

    def sums(self, identifier: str, quantities: Mapping[str, float], **where: object) -> pd.DataFrame:
        """Return shard rows of quantities that are not of one image."""
        place = {"id": identifier, "inputs": self.inputs, "sigma": self.sigma, "image": -1, "draw": 0, **where}
        return pd.DataFrame({**place, "quantity": list(quantities), "value": list(quantities.values())})
