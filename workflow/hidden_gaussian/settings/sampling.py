"""Which samples are drawn, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hidden_gaussian.settings.grid import Slice
from hidden_gaussian.settings.measures import FEWEST, Reference
from hidden_gaussian.settings.strict import Strict


class Sampling(Strict):
    """Sample sets of shared latents."""

    count: Annotated[int, Field(ge=FEWEST)] = Field(256, description=f"samples a set, at least {FEWEST}")
    sampler: Literal["heun18", "heun40"] = Field(
        "heun18", description="solver of the networks' sample sets; autoencoders have euler10"
    )
    references: tuple[Reference, ...] = Field(
        (), description="further reference denoisers of every subset that samples are drawn of, named as in measures"
    )
    splice: Slice | None = Field(
        None, description="cells whose samples are drawn again with another denoiser at some noise levels"
    )
    splice_ends: tuple[Annotated[float, Field(ge=0, le=80)], ...] = Field(
        (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 80.0),
        min_length=2,
        description="ends of the ranges of noise levels that are replaced: every pair; the lower end is excluded",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Sampling:
        if list(self.splice_ends) != sorted(set(self.splice_ends)):
            raise ValueError(f"splice_ends are {list(self.splice_ends)}; expected ascending numbers, each once")
        return self
