"""Every metric by its name."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from hidden_gaussian.tables.formulas import (
    Metric,
    Term,
    correlation,
    cross_share,
    decorrelation,
    left,
    off_axis,
    position,
    root_ratio,
    signed_root,
    signed_root_ratio,
)
from hidden_gaussian.tables.linear_map_metrics import LINEAR_MAPS, NONLINEAR
from hidden_gaussian.tables.sample_metrics import SAMPLE_METRICS


def _linearity(suffix: str) -> tuple[Metric, ...]:
    pair = tuple(f"{name}{suffix}" for name in ("mixed_inner", "mixed_norm", "combined_norm"))
    gap = (f"mixed_gap{suffix}", f"combined_norm{suffix}")
    return (
        Metric(f"cosine{suffix}", "linearity", (Term(pair, each=correlation),)),
        Metric(f"cosine_abs{suffix}", "linearity", (Term(pair, each=lambda *parts: np.abs(correlation(*parts))),)),
        Metric(f"additivity_ratio{suffix}", "linearity", (Term(gap, each=root_ratio),)),
    )


def _unbiased(quantity: str, subject: str, reference: str) -> tuple[Metric, ...]:
    """Distances to or from a distilled map as products of two independent fits, free of the noise of a fit."""
    product = Term(quantity, "{linear}")
    each = Term((quantity, "norm"), "{linear}", each=signed_root_ratio)
    return (
        Metric("rmse_unbiased", "distance", (product,), signed_root, subject, reference, per_pixel=True),
        Metric("nrmse_unbiased", "distance", (product, Term("norm")), signed_root_ratio, subject, reference),
        Metric(
            "nrmse_centred_unbiased",
            "distance",
            (product, Term("norm_centred")),
            signed_root_ratio,
            subject,
            reference,
        ),
        Metric("difference_ratio_unbiased", "distance", (each,), subject=subject, reference=reference),
    )


_DISTANCE = Term("distance", "{reference}")
_TO_GAUSSIAN = Term("distance", "{gaussian}")
_TO_EMPIRICAL = Term("distance", "{empirical}")
_BETWEEN = Term("distance", "{gaussian}", "{empirical}")
_LINEAR_GAUSSIAN = Term("linear_gaussian", "{linear}")


def _of(reference: str, inputs: str) -> Term:
    return Term("loss", subject=reference, inputs=inputs)


def _gaps(name: str) -> tuple[Metric, ...]:
    reference = "{" + name + "}"
    return (
        Metric("loss_ratio", "gap", (Term("loss"), Term("loss", subject=reference)), np.divide, reference=reference),
        Metric(
            "gap_ratio",
            "gap",
            (_of("{id}", "heldout"), _of("{id}", "train"), _of(reference, "heldout"), _of(reference, "train")),
            lambda held, train, held_reference, train_reference: (held - train) / (held_reference - train_reference),
            reference=reference,
        ),
    )


METRICS: tuple[Metric, ...] = (
    Metric("rmse", "distance", (_DISTANCE,), np.sqrt, reference="{reference}", per_pixel=True),
    Metric(
        "rmse_per_image",
        "distance",
        (Term("distance", "{reference}", each=np.sqrt),),
        reference="{reference}",
        per_pixel=True,
    ),
    Metric("nrmse", "distance", (_DISTANCE, Term("norm")), root_ratio, reference="{reference}"),
    Metric("nrmse_centred", "distance", (_DISTANCE, Term("norm_centred")), root_ratio, reference="{reference}"),
    Metric(
        "difference_ratio",
        "distance",
        (Term(("distance", "norm"), "{reference}", each=root_ratio),),
        reference="{reference}",
    ),
    Metric("rmse", "distance", (_LINEAR_GAUSSIAN,), np.sqrt, "{linear}", "{gaussian}", per_pixel=True),
    Metric("nrmse", "distance", (_LINEAR_GAUSSIAN, Term("norm")), root_ratio, "{linear}", "{gaussian}"),
    *_unbiased("nonlinear", "{id}", "{linear}"),
    *_unbiased("mismatch", "{linear}", "{gaussian}"),
    Metric("residual_ratio", "distance", (Term("residual_norm_centred"), Term("norm_centred")), root_ratio),
    Metric(
        "decorrelation",
        "distance",
        (Term("residual_norm_centred"), Term("norm_centred"), Term("norm_centred", subject="{subset}/identity")),
        decorrelation,
    ),
    *_linearity(""),
    *_linearity("_centred"),
    *_linearity("_residual"),
    Metric("affinity", "linearity", (Term("affine_gap"), Term("norm_centred")), np.divide),
    Metric("r2_linear", "linearity", (NONLINEAR, Term("norm_centred")), left),
    Metric("r2_linear_residual", "linearity", (NONLINEAR, Term("residual_norm_centred")), left),
    *LINEAR_MAPS,
    *SAMPLE_METRICS,
    Metric("posterior_entropy", "memorisation", (Term("entropy"),)),
    Metric("effective_images", "memorisation", (Term("effective"),)),
    Metric("loss", "gap", (Term("loss"),), per_pixel=True),
    Metric("gap", "gap", (_of("{id}", "heldout"), _of("{id}", "train")), np.subtract, per_pixel=True),
    *_gaps("gaussian"),
    *_gaps("empirical"),
    Metric("rho", "position", (_TO_GAUSSIAN, _BETWEEN), np.divide, reference="{gaussian}"),
    Metric(
        "rho_star",
        "position",
        (Term("distance", "{all}"), Term("distance", "{all}", "{empirical}")),
        np.divide,
        reference="{all}",
    ),
    Metric("position", "position", (_TO_GAUSSIAN, _TO_EMPIRICAL, _BETWEEN), position),
    Metric("off_axis", "position", (_TO_GAUSSIAN, _TO_EMPIRICAL, _BETWEEN), off_axis),
    Metric("rho_nonlinear", "position", (NONLINEAR, _BETWEEN), np.divide, reference="{linear}"),
    Metric("rho_linear", "position", (Term("mismatch", "{linear}"), _BETWEEN), np.divide, "{linear}", "{gaussian}"),
    Metric("nonlinear_share", "position", (NONLINEAR, _TO_GAUSSIAN), np.divide),
    Metric(
        "energy_cross",
        "position",
        (_TO_GAUSSIAN, NONLINEAR, Term("mismatch", "{linear}")),
        cross_share,
    ),
)

PROPORTIONS = frozenset(metric.name for metric in METRICS if metric.proportion)
"""Names of the metrics that are fractions of samples."""


def quantities(names: Collection[str]) -> set[str]:
    """Return the measured quantities that some metrics are made of.

    Examples
    --------
    >>> sorted(quantities(["nrmse"]))
    ['distance', 'linear_gaussian', 'norm']
    """
    terms = [term for metric in METRICS if metric.name in names for term in metric.terms]
    return {quantity for term in terms for quantity in term.quantities}
