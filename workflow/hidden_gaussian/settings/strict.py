"""What all settings are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    """Settings that refuse unknown keys and numbers that are not finite, and do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


VALUE, BLOCK = Tag("(value)"), Tag("(block)")
EITHER = Discriminator(lambda given: (BLOCK if isinstance(given, dict | Strict) else VALUE).tag)
"""Which of a value and a block of settings is meant, so that what is wrong is told of that one alone."""
