"""What all settings are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    """Settings that refuse unknown keys and numbers that are not finite, and do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
