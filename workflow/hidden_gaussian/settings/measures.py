"""How denoisers are measured: on noisy images, and by their Jacobians."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field, field_validator

from hidden_gaussian.settings.error_messages import REFERENCE
from hidden_gaussian.settings.grid import Slice
from hidden_gaussian.settings.strict import Positive, Strict

Reference = Annotated[str, Field(pattern=REFERENCE)]
Measured = Literal["train", "heldout", "foreign", "remainder", "noise", "trajectory"]
UNCERTAIN: tuple[Measured, ...] = ("remainder", "noise", "trajectory")
"""Kinds of input that are no images, or that may have no image."""

FEWEST = 8
"""The fewest samples or measured images. With fewer, a resample may repeat a single image, which has no covariance, and
there is only one mixing block, whose interval is a point."""

FEWEST_UNSEEN = 2 * FEWEST
"""The fewest held-out or foreign images: half may be measured, and linear maps are fitted to the other half."""


def unseen(inputs: Collection[str]) -> str:
    """Return the kind of clean image that networks were not trained on; ``train`` if there is no other."""
    return next(kind for kind in ("heldout", "foreign", "train") if kind in inputs)


class Jacobian(Strict):
    """Jacobians of denoisers, at the mean image and at states of the ten-step Euler sampler."""

    cells: Slice = Field(Slice(), description="cells to measure")
    probes: Positive = Field(64, description="random directions along which Jacobians are compared")
    components: Positive = Field(10, description="leading singular vectors at each state")
    states: Annotated[int, Field(ge=1, le=16)] = Field(
        4, description="sampling trajectories to follow; with four or fewer, bands show their range"
    )
    rounds: Positive = Field(10, description="upper limit on iterations of the power method for singular vectors")


class Measures(Strict):
    """Measurements on noisy images: distance, linearity, loss gap and linear distillation."""

    images: Annotated[int, Field(ge=FEWEST)] = Field(
        256,
        description=f"clean images of each kind of input, at least {FEWEST}; of held-out and foreign images at most "
        "half are measured, because linear maps are fitted to the other half",
    )
    draws: Positive = Field(2, description="noise draws per image and level")
    levels: Annotated[int, Field(ge=2)] = Field(
        10, description="number of noise levels, from EDM's schedule between 0.002 and 80; 10 with autoencoders"
    )
    alphas: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (0.5**0.5,),
        min_length=1,
        description="weights of the first image of a pair in the linearity score; figures show the first weight",
    )
    linearity_levels: Annotated[int, Field(ge=2)] = Field(40, description="number of noise levels of linearity curves")
    inputs: tuple[Measured, ...] = Field(
        ("train", "heldout", "foreign"),
        description="kinds of clean image that are noised; train, heldout and foreign, if the dataset has them; "
        "remainder: images of the source in neither half of the subset's size, if any are left; noise: no image, for "
        "linearity only; trajectory: states of a network's own ten-step Euler sampler, for distances only",
    )
    references: tuple[Reference, ...] = Field(
        (),
        description="further reference denoisers of every subset, measured and compared with its networks: "
        "gaussian-shrunk, gaussian-expected (random-matrix prediction for a subset of this size "
        "from the largest subset's distribution), stationary, mixture-K (K components), patch-P (PxP pixels, P odd)",
    )
    jacobian: Jacobian | None = Field(None, description="Jacobians of some cells; null: none")

    @field_validator("alphas")
    @classmethod
    def _each_once(cls, alphas: tuple[float, ...]) -> tuple[float, ...]:
        repeated = [f"{alpha:g}" for alpha, count in Counter(alphas).items() if count > 1]
        if repeated:
            raise ValueError(f"each weight once, but {' and '.join(repeated)} is repeated")
        return alphas
