"""Names of the reference denoisers of a subset; known without importing torch."""

from __future__ import annotations

import re
from collections.abc import Iterable

STANDING = ("gaussian", "empirical", "identity", "mean")
"""Those that are always measured, in one job a subset."""
AFFINE = r"gaussian-shrunk|gaussian-expected|stationary"
"""Those that are affine, and so their own distilled maps."""
FITTED = rf"{AFFINE}|mixture-[1-9]\d*"
"""Those that are fitted once and kept in a file."""
LISTED = rf"{FITTED}|patch-\d*[13579]"
"""All that settings may list."""
KNOWN = "gaussian-shrunk, gaussian-expected, stationary, mixture-K (K components) or patch-P (P x P pixels, P odd)"
"""The same in words."""


def is_affine(name: str) -> bool:
    """Return whether a listed denoiser is affine by definition."""
    return re.fullmatch(AFFINE, name) is not None


def is_fitted(name: str) -> bool:
    """Return whether a denoiser is opened from its own file ``denoiser.safetensors``."""
    return re.fullmatch(FITTED, name) is not None


def is_listed(name: str) -> bool:
    """Return whether settings may list a denoiser of this name."""
    return re.fullmatch(LISTED, name) is not None


def possible(names: Iterable[str], subset: str) -> list[str]:
    """Return the ids of the listed references that a subset, such as ``n64a``, has.

    A mixture of more components than the subset has images is left out.
    """
    count = int(subset[1:-1])
    return [f"{subset}/{name}" for name in names if not name.startswith("mixture-") or int(name[8:]) <= count]
