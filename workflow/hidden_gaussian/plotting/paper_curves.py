"""The paper's curves of linearity on FFHQ, as read off its pictures."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hidden_gaussian.plotting.curves import Array
from hidden_gaussian.results_index import ResultsIndex

SIZE = 70_000  # training images of the network whose weights alpha are swept


def has(index: ResultsIndex) -> bool:
    """Return whether the paper has curves of a dataset."""
    return index.name == "ffhq"


def by_size(score: str) -> dict[int, Array]:
    """Return the curves of Fig. 1 and 13, rows of sigma and score, by training images.

    Parameters
    ----------
    score : str
        ``cosine`` (eq. 11) or ``additivity_ratio`` (eq. 12), both as published.
    """
    return {curve["subset_size"]: _points(curve) for curve in _curves() if _is(curve, by="size", score=score)}


def by_alpha(score: str, inputs: str) -> dict[float, Array]:
    """Return the curves of Fig. 10, rows of sigma and score, by the weight alpha^2 of the first image.

    Parameters
    ----------
    score : str
        See :func:`by_size`.
    inputs : str
        ``foreign``: noised images that were not trained on; ``noise``: noise alone.
    """
    found = [curve for curve in _curves() if _is(curve, by="alpha", score=score, inputs=inputs)]
    return {curve["alpha2"]: _points(curve) for curve in found}


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(__file__).with_name("paper_curves.json").read_text(encoding="utf-8"))
    return content


def _curves() -> list[dict[str, Any]]:
    curves: list[dict[str, Any]] = _content()["curves"]
    return curves


def _is(curve: dict[str, Any], **wanted: str) -> bool:
    return all(curve[name] == value for name, value in wanted.items())


def _points(curve: dict[str, Any]) -> Array:
    return np.array([_content()["sigma"], curve["values"]], dtype=np.float64)
