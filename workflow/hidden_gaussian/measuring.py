"""How denoisers are measured: settings of the one pass, of linear maps and of local slopes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hidden_gaussian.grid import Positive, Slice, Strict
from hidden_gaussian.references import LISTED

Inputs = Literal["train", "heldout", "foreign"]
Reference = Annotated[str, Field(pattern=rf"^({LISTED})$")]
Measured = Literal["train", "heldout", "foreign", "remainder", "noise", "trajectory"]
UNCERTAIN: tuple[Measured, ...] = ("remainder", "noise", "trajectory")
"""Kinds of input that are no images, or of which there may be none."""

FEWEST = 8
"""Samples, held-out and foreign images: of fewer, a resample can be one image alone, which has no covariance."""


class Jacobian(Strict):
    """Local slopes of denoisers: at the mean image, and at states of the ten-step Euler sampler."""

    cells: Slice = Field(Slice(), description="cells that are measured")
    probes: Positive = Field(64, description="random directions along which slopes are compared")
    components: Positive = Field(10, description="leading singular vectors at each state")
    states: Annotated[int, Field(ge=1, le=16)] = Field(4, description="latents whose trajectories are followed")
    rounds: Positive = Field(10, description="rounds of the power iteration that finds the singular vectors, at most")


class Measures(Strict):
    """The one pass over noised images that gives distance, linearity, gap and distillation."""

    images: Positive = Field(256, description="clean images of each kind of input")
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


class Adam(Strict):
    """Gradient descent as Li et al. distil: Adam from zero on the input over the root of the pixels.

    On images not trained on only, as they do; the exact fit is its floor, and is made in any case.
    """

    cells: Slice = Field(Slice(), description="cells that are descended, of those that are distilled")
    epochs: Positive = Field(100, description="passes over the images, with fresh noise in each")
    batch: Positive = Field(256, description="images a step")
    learning_rate: float | None = Field(None, gt=0, description="step size; null: theirs, by noise level")


class Distillation(Strict):
    """Linear distillation, fitted by exact least squares in the same pass."""

    solver: Literal["exact", "adam"] = Field(
        "exact", description="exact: least squares; adam: beside them the descent of Li et al., by epochs"
    )
    ridge: float = Field(
        0.0, ge=0, description="penalty, in units of the noise variance, that shrinks maps towards the Gaussian's"
    )
    adam: Adam = Field(Adam(), description="the descent, where the solver is adam")

    draws: Positive = Field(65_536, description="(noisy, denoised) pairs a noise level; well above twice the pixels")
    inputs: tuple[Inputs, ...] = Field(("train", "heldout", "foreign"), description="which clean images are noised")
    cells: Slice = Field(Slice(images_seen="all"), description="cells that are distilled; references always are")

    def check(self, pixels: int) -> None:
        """Refuse too few pairs: each half of them must determine a map of so many pixels and an offset."""
        needed = 2 * (pixels + 2)
        if self.ridge == 0 and self.draws < needed:
            raise ValueError(
                f"distillation.draws is {self.draws}, but an affine map of {pixels} pixels is fitted to each half of "
                f"them: give {needed} at least, and better several times as many, or set distillation.ridge"
            )
