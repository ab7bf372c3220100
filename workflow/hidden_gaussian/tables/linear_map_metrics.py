"""Metrics of distilled linear maps and of Jacobians."""

from __future__ import annotations

import numpy as np

from hidden_gaussian.tables.formulas import Metric, Term, root_ratio, signed_root_ratio

TO_LINEAR = Term("distance", "{linear}")
NONLINEAR = Term("nonlinear", "{linear}")


def _distilled(quantity: str) -> Term:
    return Term(quantity, "{linear}")


LINEAR_MAPS: tuple[Metric, ...] = (
    *(
        Metric(
            name,
            "distillation",
            (_distilled(name), _distilled("gaussian_spread")),
            np.divide,
            reference="{gaussian}",
        )
        for name in ("mismatch", "mismatch_inside")
    ),
    Metric(
        "weight_distance",
        "distillation",
        (_distilled("weight_mismatch"), _distilled("gaussian_weight")),
        signed_root_ratio,
        reference="{gaussian}",
    ),
    Metric(
        "weight_distance_raw",
        "distillation",
        (_distilled("weight_gap"), _distilled("gaussian_weight")),
        root_ratio,
        reference="{gaussian}",
    ),
    Metric(
        "asymmetry",
        "distillation",
        (_distilled("asymmetry_product"), _distilled("linear_product")),
        signed_root_ratio,
    ),
    Metric("asymmetry_raw", "distillation", (_distilled("asymmetry"), _distilled("linear_weight")), root_ratio),
    *(
        Metric(
            f"jacobian_to_{name}",
            "distillation",
            (_distilled(f"jacobian_{name}"), _distilled("linear_product")),
            signed_root_ratio,
            reference="{" + name + "}",
        )
        for name in ("linear", "gaussian")
    ),
    Metric("fit_error", "distillation", (TO_LINEAR, Term("norm_centred")), root_ratio, reference="{linear}"),
    Metric(
        "fit_error",
        "distillation",
        (_distilled("fit_gap"), _distilled("fit_spread")),
        root_ratio,
        reference="{linear}",
    ),
    Metric("gain", "alignment", (_distilled("gain"),), reference="{linear}"),
    Metric("singular_value", "alignment", (_distilled("singular_value"),), reference="{linear}"),
    Metric("singular_value", "alignment", (Term("singular_value"),)),
    Metric("singular_value_gradient_descent", "alignment", (_distilled("descended_value"),), reference="{linear}"),
    # what W_G does to the same components is both its gain and its singular value
    Metric("gain", "alignment", (_distilled("gaussian_gain"),), subject="{gaussian}", reference="{linear}"),
    Metric("singular_value", "alignment", (_distilled("gaussian_gain"),), subject="{gaussian}", reference="{linear}"),
    *(
        Metric(
            name,
            "alignment",
            (Term(quantity, "{reference}"), Term("overlap_whole", "{reference}")),
            np.divide,
            reference="{reference}",
        )
        for name, quantity in (
            ("subspace_overlap", "overlap"),
            ("subspace_ceiling", "overlap_ceiling"),
            ("subspace_random", "overlap_random"),
        )
    ),
    Metric(
        "taylor_rmse",
        "alignment",
        (Term("taylor_distance", "{reference}"),),
        np.sqrt,
        reference="{reference}",
        per_pixel=True,
    ),
    *(
        Metric(name, "alignment", (Term(first, reference), Term(other, reference)), root_ratio, reference=reference)
        for name, first, other, reference in (
            ("slope_distance", "slope_gap", "slope_weight", "{reference}"),
            ("step_ratio", "step_gap", "step_linear", ""),
        )
    ),
)
