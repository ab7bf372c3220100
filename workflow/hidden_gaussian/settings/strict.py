"""The base class and types of all settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    """Immutable settings that reject unknown keys and numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


VALUE, BLOCK = Tag("(value)"), Tag("(block)")
EITHER = Discriminator(lambda content: (BLOCK if isinstance(content, dict | Strict) else VALUE).tag)
"""Tells a value from a block of settings, so that errors are about the alternative that was meant."""
