"""Rows of shards from arrays of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def numbers(values: dict[str, np.ndarray], **where: Any) -> pd.DataFrame:
    count = len(next(iter(values.values())))
    columns = {
        "image": np.tile(np.arange(count), len(values)),
        "quantity": np.repeat(list(values), count),
        "value": np.concatenate(list(values.values())),
    }
    return pd.DataFrame({**columns, **where})


def single(values: dict[str, float], **where: Any) -> pd.DataFrame:
    return pd.DataFrame({"quantity": list(values), "value": list(values.values()), "image": -1, **where})


def along(parameter: str, at: np.ndarray, values: dict[str, Any], **where: Any) -> pd.DataFrame:
    """Quantities along an axis that is not that of images."""
    columns = {"at": np.tile(at.astype(float), len(values)), "quantity": np.repeat(list(values), len(at))}
    heights = np.concatenate([np.broadcast_to(np.asarray(value, float), len(at)) for value in values.values()])
    return pd.DataFrame({**columns, "value": heights, "parameter": parameter, "image": -1, **where})


def rows(vectors: dict[str, np.ndarray], **where: Any) -> pd.DataFrame:
    return numbers({name: np.square(value).sum(1) for name, value in vectors.items()}, **where)
