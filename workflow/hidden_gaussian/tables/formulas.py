"""Definition of a metric: quantities pooled over images, and a formula on the pooled values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Formula = Callable[..., Any]


@dataclass(frozen=True)
class Term:
    """One measured quantity of a formula, or several that are combined before pooling.

    The placeholders are filled in for each id:
    ``{id}`` is the denoiser or sample set, ``{reference}`` what it is compared with, ``{subset}`` its training images,
    ``{gaussian}``, ``{empirical}``, ``{linear}`` and ``{all}`` its Gaussian, empirical and distilled denoiser and the
    Gaussian of the largest subset, ``{inputs}`` and ``{sampler}`` those of the row.

    Attributes
    ----------
    quantity : str or tuple of str
        Name in the shards. If it has no row with this reference or axis, the row without one is used.
    each : callable, optional
        Function of the quantities of one image and draw; its value is pooled.
    """

    quantity: str | tuple[str, ...]
    reference: str = ""
    subject: str = "{id}"
    inputs: str = "{inputs}"
    sampler: str = "{sampler}"
    each: Formula | None = None

    @property
    def quantities(self) -> tuple[str, ...]:
        """The quantities, also when there is one."""
        return (self.quantity,) if isinstance(self.quantity, str) else self.quantity


@dataclass(frozen=True)
class Metric:
    """A named formula.

    Attributes
    ----------
    name, family : str
    terms : tuple of Term
        Arguments of the formula. A row is made where the first term was measured and the other terms are found.
    formula : callable
        On the pooled terms; the identity by default.
    subject, reference : str
        Id and reference_id of the rows.
    per_pixel : bool
        Divide every sum by the number of pixels first.
    proportion : bool
        Values are 0 or 1: the interval is Clopper and Pearson's.
    axis : tuple of (str, float), optional
        ``parameter`` and ``at`` of the rows, for a curve whose places are in the formula and not in the shards.
    """

    name: str
    family: str
    terms: tuple[Term, ...]
    formula: Formula = lambda pooled: pooled
    subject: str = "{id}"
    reference: str = ""
    per_pixel: bool = False
    proportion: bool = False
    axis: tuple[str, float] | None = None


def signed_root(square: Array) -> Array:
    """Return the root of an unbiased squared distance with its sign, since noise can make it negative."""
    root: Array = np.sign(square) * np.sqrt(np.abs(square))
    return root


def signed_root_ratio(numerator: Array, denominator: Array) -> Array:
    """Return the signed root of a ratio of squares; noise can make the numerator negative."""
    return signed_root(numerator / denominator)


def root_ratio(numerator: Array, denominator: Array) -> Array:
    """Return the root of a ratio of squares."""
    ratio: Array = np.sqrt(numerator / denominator)
    return ratio


def correlation(inner: Array, first: Array, second: Array) -> Array:
    """Return the correlation from an inner product and two squared norms."""
    ratio: Array = inner / np.sqrt(first * second)
    return ratio


def decorrelation(residual: Array, output: Array, noisy: Array) -> Array:
    """Return 1 less the correlation of input and output, pooled over images and pixels.

    From E|r - Er|^2 with r = y - D, E|D - ED|^2 and E|y - Ey|^2: their inner product follows by polarisation.
    """
    return 1 - correlation((output + noisy - residual) / 2, output, noisy)


def left(numerator: Array, denominator: Array) -> Array:
    """Return 1 less a ratio."""
    return 1 - numerator / denominator


def position(to_gaussian: Array, to_empirical: Array, between: Array) -> Array:
    """Return the position on the line from the Gaussian (0) to the empirical denoiser (1).

    t = <D - D_G, D_emp - D_G> / |D_emp - D_G|^2, from |D - D_G|^2, |D - D_emp|^2 and |D_emp - D_G|^2.
    """
    return (to_gaussian + between - to_empirical) / (2 * between)


def off_axis(to_gaussian: Array, to_empirical: Array, between: Array) -> Array:
    """Return the squared distance from that line: |(D - D_G) - t (D_emp - D_G)|^2 / |D_emp - D_G|^2."""
    off: Array = to_gaussian / between - np.square(position(to_gaussian, to_empirical, between))
    return off


def cross_share(whole: Array, fit: Array, gap: Array) -> Array:
    """Return the share of the cross term: 1 - (|D - D_L|^2 + |D_L - D_G|^2) / |D - D_G|^2; 0 if they are orthogonal."""
    return 1 - (fit + gap) / whole


def is_copy(nearest: Array, second: Array) -> Array:
    """Return 1 where the nearest training image is less than a third as far as the second nearest, else 0.

    Distances are squared, hence 9.
    """
    return (9 * nearest < second).astype(np.float64)
