"""Metrics of sample sets: how much they memorise, agree, keep their images' moments, and look like photographs."""

from __future__ import annotations

import numpy as np

from hidden_gaussian.tables.formulas import (
    Array,
    Formula,
    Metric,
    Term,
    correlation,
    is_copy,
    root_ratio,
    signed_root_ratio,
)

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Of the curves of fractions; the memorised fraction itself has the threshold 1/3."""

_GL = ("nearest", "norm")
_PAIR = ("nearest", "second")
_CORRELATION = ("inner", "norm_a", "norm_b")
_REAL_GL = Term(_GL, "{reference}", "{subset}/heldout", sampler="photographs", each=root_ratio)


def _share_below(quantities: tuple[str, str], threshold: float) -> Term:
    def below(part: Array, whole: Array) -> Array:
        return (part < threshold**2 * whole).astype(np.float64)

    return Term(quantities, "{reference}", each=below)


def _curve(name: str, quantities: tuple[str, str]) -> tuple[Metric, ...]:
    """The fraction of samples whose ratio of distances is below a threshold, at every threshold."""
    return tuple(
        Metric(
            name,
            "memorisation",
            (_share_below(quantities, threshold),),
            reference="{reference}",
            proportion=True,
            axis=("threshold", threshold),
        )
        for threshold in THRESHOLDS
    )


def _compared(name: str, family: str, quantities: tuple[str, ...], formula: Formula) -> Metric:
    """A formula on quantities that were each pooled."""
    terms = tuple(Term(quantity, "{reference}") for quantity in quantities)
    return Metric(name, family, terms, formula, reference="{reference}")


def _agreement(name: str, prefix: str) -> Metric:
    return _compared(name, "agreement", tuple(f"{prefix}{part}" for part in _CORRELATION), correlation)


def _distance(name: str, quantity: str) -> Metric:
    return Metric(name, "agreement", (Term(quantity, "{reference}"),), np.sqrt, reference="{reference}", per_pixel=True)


def _error(moment: str) -> tuple[Metric, ...]:
    """How far a moment is off: as a share of its size, and in units of a resampling null."""
    gap, norm, noise, null = (f"{moment}_{part}" for part in ("gap", "norm", "noise", "null"))
    return (
        _compared(f"{moment}_error", "moments", (gap, norm), signed_root_ratio),
        _compared(f"{moment}_ratio", "moments", (gap, noise, null), _beyond_null),
    )


def _beyond_null(gap: Array, noise: Array, null: Array) -> Array:
    """Error of as many samples as there are, over the 95 % quantile of that of as many training images."""
    ratio: Array = np.sqrt(np.clip(gap + noise, 0, None) / null)
    return ratio


def _kurtosis(fourth: Array, square: Array) -> Array:
    excess: Array = fourth / np.square(square) - 3
    return excess


def _itself(value: Array) -> Array:
    return value


SAMPLE_METRICS: tuple[Metric, ...] = (
    Metric("gl_score", "memorisation", (Term(_GL, "{reference}", each=root_ratio),), reference="{reference}"),
    Metric(
        "gl_relative",
        "memorisation",
        (Term(_GL, "{reference}", each=root_ratio), _REAL_GL),
        np.divide,
        reference="{subset}/heldout",
    ),
    Metric(
        "memorised_fraction",
        "memorisation",
        (Term(_PAIR, "{reference}", each=is_copy),),
        reference="{reference}",
        proportion=True,
    ),
    *_curve("memorised_fraction_curve", _PAIR),
    *_curve("gl_fraction_curve", _GL),
    Metric(
        "memorisation_area",
        "memorisation",
        (Term(_PAIR, "{reference}", each=root_ratio),),
        lambda ratio: 1 - ratio,
        reference="{reference}",
    ),
    Metric(
        "nearest_distance",
        "memorisation",
        (Term("nearest", "{reference}", each=np.sqrt),),
        reference="{reference}",
        per_pixel=True,
    ),
    _agreement("r_c", ""),
    _agreement("pearson", "pearson_"),
    _agreement("cosine_similarity", "cosine_"),
    _distance("pixel_distance", "gap"),
    _agreement("r_c_expected", "expected_"),
    _agreement("pearson_expected", "expected_pearson_"),
    _agreement("cosine_similarity_expected", "expected_cosine_"),
    _distance("pixel_distance_expected", "expected_gap"),
    *_error("mean"),
    *_error("covariance"),
    _compared("component_variance", "moments", ("component_square",), _itself),
    _compared("component_kurtosis", "moments", ("component_fourth", "component_square"), _kurtosis),
    _compared("difference_kurtosis", "moments", ("difference_fourth", "difference_square"), _kurtosis),
    _compared("power_ratio", "moments", ("power",), _itself),
    _compared("amplitude_ratio", "quality", ("amplitude", "std"), np.divide),
    _compared("wasserstein_ratio", "quality", ("wasserstein", "std"), np.divide),
    _compared("frechet_distance", "quality", ("frechet",), _itself),
    _compared("frechet_relative", "quality", ("frechet", "frechet_scale"), np.divide),
)
