"""How denoisers are measured: the one pass, and local slopes."""

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
"""Kinds of input that are no images, or of which there may be none."""

FEWEST = 8
"""Samples, and images that are measured: of fewer, a resample can be one image alone, which has
no covariance, and there is but one ring of mixed images, whose interval is a point."""

FEWEST_UNSEEN = 2 * FEWEST
"""Held-out and foreign images: half of them may be measured, and linear maps are fitted to the others."""


def unseen(inputs: Collection[str]) -> str:
    """Return which of these kinds of clean image networks were not trained on; ``train`` where there is no other."""
    return next(kind for kind in ("heldout", "foreign", "train") if kind in inputs)


class Jacobian(Strict):
    """Local slopes of denoisers: at the mean image, and at states of the ten-step Euler sampler."""

    cells: Slice = Field(Slice(), description="cells that are measured")
    probes: Positive = Field(64, description="random directions along which slopes are compared")
    components: Positive = Field(10, description="leading singular vectors at each state")
    states: Annotated[int, Field(ge=1, le=16)] = Field(
        4, description="latents whose trajectories are followed; bands over four or fewer are their range"
    )
    rounds: Positive = Field(10, description="rounds of the power iteration that finds the singular vectors, at most")


class Measures(Strict):
    """The one pass over noised images that gives distance, linearity, gap and distillation."""

    images: Annotated[int, Field(ge=FEWEST)] = Field(
        256,
        description=f"clean images of each kind of input, at least {FEWEST}; of held-out and foreign images at most "
        "half, since linear maps are fitted to the others",
    )
    draws: Positive = Field(2, description="noises an image")
    levels: Annotated[int, Field(ge=2)] = Field(10, description="noise levels, EDM's schedule")
    alphas: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (0.5**0.5,),
        min_length=1,
        description="weights of the first image of a pair, for linearity; figures show the first",
    )
    linearity_levels: Annotated[int, Field(ge=2)] = Field(40, description="noise levels of the linearity curves")
    inputs: tuple[Measured, ...] = Field(
        ("train", "heldout", "foreign"),
        description="which clean images are noised; 'remainder': images of the source in neither half of the subset's "
        "size, if any are left; 'noise': none, for linearity alone; 'trajectory': states of the ten-step Euler sampler "
        "of a network itself, for its distances alone",
    )
    references: tuple[Reference, ...] = Field(
        (),
        description="further reference denoisers of every subset, measured and compared with its networks: "
        "gaussian-shrunk, gaussian-expected (what random-matrix theory expects of as many images of the largest "
        "subset's law), stationary, mixture-K (K components), patch-P (P x P pixels, P odd)",
    )
    jacobian: Jacobian | None = Field(None, description="local slopes, for some cells; null: none")

    @field_validator("alphas")
    @classmethod
    def _each_once(cls, alphas: tuple[float, ...]) -> tuple[float, ...]:
        doubled = [f"{alpha:g}" for alpha, count in Counter(alphas).items() if count > 1]
        if doubled:
            raise ValueError(f"{' and '.join(doubled)} is there more than once; give each weight once")
        return alphas
