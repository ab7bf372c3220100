"""Names of the reference denoisers of a subset, without torch."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hidden_gaussian.cells import Subset

ALWAYS_MEASURED = ("gaussian", "empirical", "identity", "mean")
"""References that are measured for every subset, all in one job."""
_AFFINE = r"gaussian-shrunk|gaussian-expected|stationary"
FITTED = rf"{_AFFINE}|mixture-[1-9]\d*"
"""References that are fitted once and kept in a file."""
CONFIGURABLE = rf"{FITTED}|patch-\d*[13579]"
"""References that settings may list."""
CONFIGURABLE_IN_WORDS = (
    "gaussian-shrunk, gaussian-expected, stationary, mixture-K (K components) or patch-P (P x P pixels, P odd)"
)
"""The same in words."""


def is_affine(name: str) -> bool:
    """Return whether a reference denoiser is affine by definition, and so its own distilled map."""
    return re.fullmatch(rf"gaussian|identity|mean|{_AFFINE}", name) is not None


def is_fitted(name: str) -> bool:
    """Return whether a denoiser is opened from its own file ``denoiser.safetensors``."""
    return re.fullmatch(FITTED, name) is not None


def is_configurable(name: str) -> bool:
    """Return whether settings may list a reference of this name."""
    return re.fullmatch(CONFIGURABLE, name) is not None


def family(name: str) -> tuple[str, int]:
    """Return the name of a reference without its number, and the number of components or pixels (0: it has none).

    Examples
    --------
    >>> family("mixture-8"), family("gaussian-shrunk")
    (('mixture', 8), ('gaussian-shrunk', 0))
    """
    match = re.fullmatch(r"(mixture|patch)-(\d+)", name)
    return (match[1], int(match[2])) if match else (name, 0)


def possible(names: Iterable[str], subset: str) -> list[str]:
    """Return the ids of those references that a subset, such as ``n64a``, can have.

    A mixture of more components than the subset has images is left out.
    """
    count = Subset.parse(subset).size
    families = {name: family(name) for name in names}
    return [f"{subset}/{name}" for name, (kind, size) in families.items() if kind != "mixture" or size <= count]
