"""Which samples are drawn, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hidden_gaussian.settings.grid import Slice
from hidden_gaussian.settings.measures import FEWEST, Reference
from hidden_gaussian.settings.strict import Strict


class Sampling(Strict):
    """Sample sets. All denoisers start from the same latents."""

    count: Annotated[int, Field(ge=FEWEST)] = Field(256, description=f"samples per set, at least {FEWEST}")
    sampler: Literal["heun18", "heun40"] = Field(
        "heun18",
        description="solver for the networks: Heun's method at 18 or 40 noise levels; autoencoders always use euler10",
    )
    references: tuple[Reference, ...] = Field(
        (), description="further reference denoisers to draw samples from, for every subset; names as in measures"
    )
    splice: Slice | None = Field(
        None,
        description="cells that are also sampled with another denoiser in place of the network at some noise levels; "
        "null: none",
    )
    splice_ends: tuple[Annotated[float, Field(ge=0, le=80)], ...] = Field(
        (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 80.0),
        min_length=2,
        description="ends of the ranges of sigma in which the network is replaced, ascending; every pair of ends is "
        "one range, without its lower end",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Sampling:
        if list(self.splice_ends) != sorted(set(self.splice_ends)):
            raise ValueError(f"splice_ends: found {list(self.splice_ends)}; expected ascending numbers, each once")
        return self
