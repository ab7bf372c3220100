"""Real images without a download: patches of scikit-learn's two photographs."""

from __future__ import annotations

import numpy as np

from hidden_gaussian.data import sources
from hidden_gaussian.settings import Source


def patches(count: int, resolution: int) -> np.ndarray:
    """Return colour patches of photographs, uint8 of shape (count, 3, resolution, resolution)."""
    pictures = sources.open_source(
        Source(kind="photographs", count=count), resolution=resolution, seed=0, key="patches"
    )
    return np.stack([np.asarray(picture).transpose(2, 0, 1) for _, picture in pictures.stream])
