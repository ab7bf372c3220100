"""Where two nested mappings differ, such as settings of today and those that a file was made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the dotted keys at which two nested mappings differ, each with both values.

    A missing key counts as None.

    Examples
    --------
    >>> differences({"seed": 1, "network": {"scale": 4}}, {"seed": 1, "network": {"scale": 8}})
    {'network.scale': (4, 8)}
    """
    different: dict[str, tuple[Any, Any]] = {}
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            different |= {f"{key}.{inner}": pair for inner, pair in differences(old, new).items()}
        elif old != new:
            different[key] = old, new
    return different
