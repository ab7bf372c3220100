"""How networks are trained."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from hidden_gaussian.settings.strict import NonNegative, Positive, Strict

NORMED = frozenset({"dae-skip"})
"""Architectures with batch normalisation, which takes its statistics in each pass."""


class Training(Strict):
    """The recipe of training; lengths are in images seen."""

    batch: Positive = Field(256, description="images a step")
    gpus: Positive = Field(
        1,
        description="devices that share each batch; processes on the cores where there is no GPU; autoencoders are "
        "trained on one",
    )
    microbatch: Positive | None = Field(
        None,
        description="images a pass, when a share does not fit its device; it changes the numbers of dae-skip, whose "
        "batch normalisation takes its statistics in each pass, and of no other architecture",
    )
    learning_rate: float = Field(2e-4, gt=0, description="Adam's step size after the warm-up")
    warmup: NonNegative = Field(10_000_000, description="images until the learning rate is reached, linearly")
    ema_half_life: Positive = Field(500_000, description="images until an old weight counts half in the average")
    ema_rampup: float | None = Field(0.05, gt=0, description="the half-life is at most this share of images seen")
    p_mean: float = Field(-1.2, description="mean of ln sigma in training")
    p_std: float = Field(1.2, gt=0, description="standard deviation of ln sigma in training")
    augment: float = Field(0.15, ge=0, le=1, description="probability of each geometric augmentation")
    x_flip: bool = Field(False, description="mirror half of the images, unknown to the network")
    precision: Literal["fp32", "tf32", "bf16"] = Field("fp32", description="arithmetic of the network")
    checkpoint_minutes: float = Field(5.0, gt=0, description="minutes between two writes of the unfinished state")

    def recipe(self, *architectures: str) -> dict[str, Any]:
        """Return what the numbers of some architectures depend on: not on how often the state is saved.

        How a batch is cut counts only where it is cut and one of them has batch normalisation.
        """
        cut = self.microbatch is not None and self.microbatch < self.batch
        passes = set() if cut and NORMED.intersection(architectures) else {"microbatch"}
        return self.model_dump(mode="json", exclude={"gpus", "checkpoint_minutes"} | passes)
