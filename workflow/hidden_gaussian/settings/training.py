"""How networks are trained."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from hidden_gaussian.settings.strict import NonNegative, Positive, Strict

NORMED = frozenset({"dae-skip"})
"""Architectures with batch normalisation, whose statistics depend on how a batch is divided."""


class Training(Strict):
    """How networks are trained. Durations are in images seen."""

    batch: Positive = Field(256, description="images per optimiser step")
    gpus: Positive = Field(
        1,
        description="devices that share each batch; without a GPU, processes on CPU cores; autoencoders always use one",
    )
    microbatch: Positive | None = Field(
        None,
        description="images per forward pass, if a device's share of the batch does not fit its memory; null: the "
        "whole share; changes results for dae-skip only, whose batch normalisation sees one microbatch at a time",
    )
    learning_rate: float = Field(2e-4, gt=0, description="Adam's step size after the warm-up")
    warmup: NonNegative = Field(10_000_000, description="images over which the learning rate rises linearly from 0")
    ema_half_life: Positive = Field(
        500_000, description="half-life of the weights' moving average, in images; the averaged weights are evaluated"
    )
    ema_rampup: float | None = Field(
        0.05,
        gt=0,
        description="upper limit of the half-life, as a fraction of the images seen so far; null: none",
    )
    p_mean: float = Field(-1.2, description="mean of ln sigma over training noise levels")
    p_std: float = Field(1.2, gt=0, description="standard deviation of ln sigma over training noise levels")
    augment: float = Field(
        0.15, ge=0, le=1, description="probability of each geometric augmentation, which the network is told; 0: none"
    )
    x_flip: bool = Field(False, description="mirror half of the images at random, without telling the network")
    precision: Literal["fp32", "tf32", "bf16"] = Field("fp32", description="arithmetic of the network")
    checkpoint_minutes: float = Field(
        5.0, gt=0, description="minutes between saves of the training state, from which an interrupted job continues"
    )

    def recipe(self, *architectures: str) -> dict[str, Any]:
        """Return the settings that the results of some architectures depend on.

        How often the state is saved does not matter. How a batch is divided matters only where it is divided and an
        architecture has batch normalisation.
        """
        divided = self.microbatch is not None and self.microbatch < self.batch
        ignored = set() if divided and NORMED.intersection(architectures) else {"microbatch"}
        return self.model_dump(mode="json", exclude={"gpus", "checkpoint_minutes"} | ignored)
