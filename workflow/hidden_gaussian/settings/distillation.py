"""How denoisers are distilled into linear maps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hidden_gaussian.settings.grid import Slice
from hidden_gaussian.settings.strict import Positive, Strict

OR_RIDGE = "or set distillation.ridge, but then claims 1, 3, 4, 5 and cal are not judged"
Inputs = Literal["train", "heldout", "foreign"]


class Adam(Strict):
    """Distillation by gradient descent, as in Li et al.: Adam from zero on the input divided by sqrt(pixels).

    It uses images that were not trained on, as theirs does. The exact fit, its lower bound, is always made too.
    """

    cells: Slice = Field(Slice(), description="cells to fit by gradient descent, among those that are distilled")
    epochs: Positive = Field(100, description="passes over the images, each with new noise")
    batch: Positive = Field(256, description="images per step")
    learning_rate: float | None = Field(None, gt=0, description="step size; null: as in Li et al., by noise level")


class Distillation(Strict):
    """Linear distillation by exact least squares, in the same job as the measurements."""

    solver: Literal["exact", "adam"] = Field(
        "exact", description="exact: least squares; adam: also gradient descent as in Li et al., saved by epoch"
    )
    ridge: float = Field(
        0.0,
        ge=0,
        description="ridge penalty in units of the noise variance; it shrinks maps towards the Gaussian's, so with any "
        "value above 0 claims 1, 3, 4, 5 and cal are not judged, since they would hold by construction",
    )
    adam: Adam = Field(Adam(), description="gradient descent; used if the solver is adam")

    draws: Positive = Field(
        65_536,
        description="(noisy, denoised) pairs per noise level; at least 2 (d + 2) for d values per image, unless "
        "a ridge is set",
    )
    inputs: tuple[Inputs, ...] = Field(
        ("train", "heldout", "foreign"), description="kinds of clean image that are noised, as in measures"
    )
    cells: Slice = Field(
        Slice(images_seen="all"),
        description="cells to distil; reference denoisers that are not affine are always distilled",
    )

    def check(self, pixels: int) -> None:
        """Raise ValueError if each half of the pairs cannot determine an affine map of this many pixels."""
        needed = 2 * (pixels + 2)
        if self.ridge == 0 and self.draws < needed:
            raise ValueError(
                f"distillation.draws: found {self.draws}; expected at least {needed}, and better several times that, "
                f"because an affine map of {pixels} pixels is fitted to each half; raise it, {OR_RIDGE}"
            )
