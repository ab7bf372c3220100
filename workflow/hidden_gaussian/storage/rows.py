"""Rows of a shard from numbers: the only place that knows their columns' defaults."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def shard_rows(
    identifier: str,
    quantities: Mapping[str, ArrayLike],
    *,
    image: ArrayLike = -1,
    draw: ArrayLike = 0,
    **where: ArrayLike,
) -> pd.DataFrame:
    """Return one shard row for each number of each quantity, quantity by quantity.

    Parameters
    ----------
    identifier : str
        Id of the denoiser or sample set.
    quantities : mapping of name to number or array of shape (n,)
        All of the same length.
    image, draw : int or array of shape (n,)
        Index of the clean image or sample (-1: the number is not of one image), and of its noise draw.
    **where : str, number or array of shape (n,)
        Further columns of :data:`~hidden_gaussian.storage.schemas.SHARD`, such as ``sigma``.

    Examples
    --------
    >>> rows = shard_rows("n64a/gaussian", {"norm": [4.0, 9.0], "loss": [1.0, 2.0]}, image=range(2), sigma=1.5)
    >>> rows[["image", "quantity", "value"]].values.tolist()
    [[0, 'norm', 4.0], [1, 'norm', 9.0], [0, 'loss', 1.0], [1, 'loss', 2.0]]
    """
    values = np.array([np.atleast_1d(numbers) for numbers in quantities.values()], dtype=np.float64)
    count, length = values.shape
    columns = {"id": identifier, **where, "image": image, "draw": draw}
    repeated = {name: np.tile(column, count) if np.ndim(column) else column for name, column in columns.items()}
    return pd.DataFrame({**repeated, "quantity": np.repeat([*quantities], length), "value": values.ravel()})
