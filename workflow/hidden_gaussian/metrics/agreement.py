"""How alike two sample sets of shared latents are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def agreement_quantities(first: Array, second: Array, mean: Array) -> dict[str, Array]:
    """Return the parts of the correlations and distances between two sample sets.

    Parameters
    ----------
    first, second : ndarray of shape (n, d)
        Sample i of both started from the same latent.
    mean : ndarray of shape (d,)
        Mean image of the data set: what all samples share is not agreement.

    Returns
    -------
    dict of ndarray of shape (n,)
        ``inner``, ``norm_a``, ``norm_b`` after subtracting the mean image (for r_c); ``gap`` |a - b|^2;
        ``pearson_inner``, ``pearson_norm_a``, ``pearson_norm_b`` after subtracting each image's own mean pixel.
    """
    a, b = first - mean, second - mean
    p, q = first - first.mean(1, keepdims=True), second - second.mean(1, keepdims=True)
    return {
        "inner": (a * b).sum(1),
        "norm_a": np.square(a).sum(1),
        "norm_b": np.square(b).sum(1),
        "gap": np.square(a - b).sum(1),
        "pearson_inner": (p * q).sum(1),
        "pearson_norm_a": np.square(p).sum(1),
        "pearson_norm_b": np.square(q).sum(1),
    }
