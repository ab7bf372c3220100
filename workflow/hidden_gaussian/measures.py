"""One pass over shared noise: everything that is measured of one denoiser, one row per image, draw and quantity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hidden_gaussian import distillation, noise
from hidden_gaussian.denoisers import Denoiser, GaussianDenoiser, is_defined
from hidden_gaussian.errors import InputError
from hidden_gaussian.metrics.distance import inner, output_quantities, squared
from hidden_gaussian.metrics.linearity import linearity_quantities
from hidden_gaussian.progress import shown
from hidden_gaussian.settings import Distillation, Measures


@dataclass(frozen=True)
class Subject:
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
class Pass:
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
    def of(cls, inputs: str, clean: Tensor, sigma: float, *, draws: int, seed: int) -> Pass:
        """Noise clean images; every level uses the same noise, scaled."""
        everything = range(draws * len(clean))
        noisy = distillation.noisy_images(clean, everything, sigma, seed=seed, purpose=f"measures/{inputs}")
        return cls(inputs, sigma, clean.repeat(draws, 1, 1, 1), noisy, len(clean))

    def first_draw(self) -> Pass:
        """Return the part with one noise an image."""
        return replace(self, clean=self.clean[: self.images], noisy=self.noisy[: self.images])

    def rows(self, identifier: str, quantities: Mapping[str, Tensor], **where: object) -> pd.DataFrame:
        """Return shard rows of quantities with one number for each noisy image."""
        count = len(self.noisy)
        place = {"id": identifier, "inputs": self.inputs, "sigma": self.sigma, **where}
        frames = [
            pd.DataFrame(
                {
                    **place,
                    "image": np.arange(count, dtype=np.int32) % self.images,
                    "draw": np.arange(count, dtype=np.int32) // self.images,
                    "quantity": quantity,
                    "value": values.cpu().numpy(),
                }
            )
            for quantity, values in quantities.items()
        ]
        return pd.concat(frames, ignore_index=True)


def measure(
    subject: Subject,
    clean: Mapping[str, Tensor],
    pools: Mapping[str, Tensor],
    settings: Measures,
    distil: Distillation | None,
    *,
    seed: int,
) -> pd.DataFrame:
    """Return the shard of one denoiser.

    Parameters
    ----------
    subject : Subject
    clean : mapping of str to Tensor of shape (images, channels, height, width)
        Clean images by kind of input, in [-1, 1], on the device of the denoisers.
    pools : mapping of str to Tensor
        All images of the kinds that linear maps are fitted to; none of the others.
    settings : Measures
        Noise levels, draws, alpha. Levels at which the denoiser is not defined are left out.
    distil : Distillation or None
        None: no linear maps.

    Returns
    -------
    DataFrame with the columns of ``tables.SHARD``

    Raises
    ------
    InputError
        If the denoiser is defined at none of the levels.
    """
    levels, fine = (
        [sigma for sigma in noise.schedule(count).tolist() if is_defined(subject.denoiser, sigma)]
        for count in (settings.levels, settings.linearity_levels)
    )
    if not levels:
        raise InputError(
            f"measures.levels is {settings.levels}, but {subject.id} is defined at none of these noise levels: set it "
            "to 10, or leave this denoiser out"
        )
    tasks = [(inputs, sigma) for inputs in clean for sigma in sorted({*levels, *fine}, reverse=True)]
    frames: list[pd.DataFrame] = []
    count = settings.images * settings.draws
    with shown(f"measure {subject.id}", len(tasks) * count) as done:
        for number, (inputs, sigma) in enumerate(tasks, start=1):
            noised = Pass.of(inputs, clean[inputs], sigma, draws=settings.draws, seed=seed)
            if sigma in levels:
                pool = pools.get(inputs)
                frames += _level(subject, noised, pool, distil.draws if distil else 0, seed)
            if sigma in fine:
                frames.append(_linearity(subject, noised, settings.alpha))
            done(number * count)
    return pd.concat(frames, ignore_index=True)


def _level(subject: Subject, noised: Pass, pool: Tensor | None, draws: int, seed: int) -> Iterator[pd.DataFrame]:
    denoised = subject.denoiser(noised.noisy, noised.sigma)
    yield noised.rows(subject.id, output_quantities(noised.clean, noised.noisy, denoised))
    gaussian = subject.gaussian(noised.noisy, noised.sigma)
    outputs = {subject.gaussian_id: gaussian}
    outputs |= {name: other(noised.noisy, noised.sigma) for name, other in subject.references.items()}
    for name, output in outputs.items():
        yield noised.rows(subject.id, {"distance": squared(denoised - output)}, reference_id=name)
    if pool is not None:
        yield from _distillation(subject, noised, denoised, gaussian, pool, draws, seed)


def _distillation(
    subject: Subject, noised: Pass, denoised: Tensor, gaussian: Tensor, pool: Tensor, draws: int, seed: int
) -> Iterator[pd.DataFrame]:
    """Fit linear maps to one level and compare them, image by image on fresh noise and entry by entry."""
    weight = subject.gaussian.weight(noised.sigma)
    linear = f"{subject.id}/linear"
    fitted = None
    for fitted in distillation.distil(
        subject.denoiser,
        pool,
        noised.sigma,
        draws=draws,
        centre=subject.mean.flatten(),
        seed=seed,
        purpose=f"distillation/{noised.inputs}",
        by_image=noised.inputs != "train",
    ):
        values = distillation.weight_quantities(fitted, weight)
        place = {"id": subject.id, "reference_id": linear, "inputs": noised.inputs, "sigma": noised.sigma}
        place |= {"parameter": "draws", "at": float(fitted.draws), "image": -1, "draw": 0}
        yield pd.DataFrame({**place, "quantity": list(values), "value": list(values.values())})
    assert fitted is not None  # a fit of at least one milestone
    yield noised.rows(
        subject.id, linear_quantities(fitted, noised, denoised, gaussian, subject.mean), reference_id=linear
    )


def linear_quantities(
    fitted: distillation.Distilled, noised: Pass, denoised: Tensor, gaussian: Tensor, mean: Tensor
) -> dict[str, Tensor]:
    """Return distances of distilled maps, each image judged by the map that was fitted to other pairs than its own.

    Returns
    -------
    dict of Tensor of shape (batch,)
        ``distance`` |D - D_L|^2, ``linear_gaussian`` |D_L - D_G|^2, ``mismatch`` <L1 - D_G, L2 - D_G> (unbiased for the
        squared distance of the maps), ``gaussian_spread`` |D_G - mu|^2.
    """
    first, second = fitted.first(noised.noisy), fitted.second(noised.noisy)
    even = torch.arange(len(noised.noisy), device=first.device) % noised.images % 2 == 0
    # the even images of a pool belong to the first half: always, or in the first round
    other = torch.where(even[:, None, None, None], second, first)
    return {
        "distance": squared(denoised - other),
        "linear_gaussian": squared(other - gaussian),
        "mismatch": inner(first - gaussian, second - gaussian),
        "gaussian_spread": squared(gaussian - mean),
    }


def _linearity(subject: Subject, noised: Pass, alpha: float) -> pd.DataFrame:
    first = noised.first_draw()
    quantities = linearity_quantities(subject.denoiser, first.noisy, first.sigma, subject.mean, alpha)
    return first.rows(subject.id, quantities, parameter="alpha", at=alpha)
