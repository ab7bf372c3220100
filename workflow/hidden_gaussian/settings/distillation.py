"""How denoisers are distilled into linear maps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hidden_gaussian.settings.grid import Slice
from hidden_gaussian.settings.strict import Positive, Strict

OR_RIDGE = "or set distillation.ridge, but then claims 1, 3, 4, 5 and cal are not judged"
Inputs = Literal["train", "heldout", "foreign"]


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
        0.0,
        ge=0,
        description="penalty, in units of the noise variance, that shrinks maps towards the Gaussian's, so that claims "
        "1, 3, 4, 5 and cal, which would hold by construction, are not judged",
    )
    adam: Adam = Field(Adam(), description="the descent, where the solver is adam")

    draws: Positive = Field(65_536, description="(noisy, denoised) pairs a noise level; well above twice the pixels")
    inputs: tuple[Inputs, ...] = Field(("train", "heldout", "foreign"), description="which clean images are noised")
    cells: Slice = Field(
        Slice(images_seen="all"), description="cells that are distilled; references that are not affine always are"
    )

    def check(self, pixels: int) -> None:
        """Refuse too few pairs: each half of them must determine a map of so many pixels and an offset."""
        needed = 2 * (pixels + 2)
        if self.ridge == 0 and self.draws < needed:
            raise ValueError(
                f"distillation.draws is {self.draws}, but an affine map of {pixels} pixels is fitted to each half of "
                f"them: give {needed} at least, and better several times as many, {OR_RIDGE}"
            )
