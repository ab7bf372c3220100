"""Every metric as a formula on sums over pixels that were pooled over images first."""

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
    """One measured quantity of a formula, or several of one place combined before pooling.

    The texts are filled in for each id:
    ``{id}`` is the denoiser or sample set, ``{reference}`` what it is compared with, ``{subset}`` its training images,
    ``{gaussian}``, ``{empirical}``, ``{linear}`` and ``{all}`` its Gaussian, empirical and distilled denoiser and the
    Gaussian of the largest subset, ``{inputs}`` and ``{sampler}`` those of the row.

    Attributes
    ----------
    quantity : str or tuple of str
        A quantity that is absent with this reference or on this axis is taken from where it has none.
    each : callable, optional
        What is pooled: a function of the quantities of one image and draw.
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
        What the formula takes. Rows are made wherever the first term was measured and the others are found.
    formula : callable
        On the pooled terms; the identity by default.
    subject, reference : str
        Id and reference_id of the rows.
    per_pixel : bool
        Divide every sum by the number of pixels first.
    proportion : bool
        Values are 0 or 1: the interval is Clopper and Pearson's.
    """

    name: str
    family: str
    terms: tuple[Term, ...]
    formula: Formula = lambda pooled: pooled
    subject: str = "{id}"
    reference: str = ""
    per_pixel: bool = False
    proportion: bool = False


def signed_root(square: Array) -> Array:
    """Root of an unbiased squared distance, which noise can make negative: it keeps the sign."""
    root: Array = np.sign(square) * np.sqrt(np.abs(square))
    return root


def _root_ratio(numerator: Array, denominator: Array) -> Array:
    ratio: Array = np.sqrt(numerator / denominator)
    return ratio


def _correlation(inner: Array, first: Array, second: Array) -> Array:
    ratio: Array = inner / np.sqrt(first * second)
    return ratio


def _is_copy(nearest: Array, second: Array) -> Array:
    """A third of the distance to the second nearest image is a ninth of the square."""
    return (9 * nearest < second).astype(np.float64)


def _left(numerator: Array, denominator: Array) -> Array:
    return 1 - numerator / denominator


def _along(subject_gaussian: Array, subject_empirical: Array, between: Array) -> Array:
    return (subject_gaussian + between - subject_empirical) / (2 * between)


def _aside(subject_gaussian: Array, subject_empirical: Array, between: Array) -> Array:
    along = _along(subject_gaussian, subject_empirical, between)
    return subject_gaussian / between - np.square(along)


def _linearity(suffix: str) -> tuple[Metric, ...]:
    pair = tuple(f"{name}{suffix}" for name in ("mixed_inner", "mixed_norm", "combined_norm"))
    gap = (f"mixed_gap{suffix}", f"combined_norm{suffix}")
    return (
        Metric(f"cosine{suffix}", "linearity", (Term(pair, each=_correlation),)),
        Metric(f"cosine_abs{suffix}", "linearity", (Term(pair, each=lambda *parts: np.abs(_correlation(*parts))),)),
        Metric(f"additivity_ratio{suffix}", "linearity", (Term(gap, each=_root_ratio),)),
    )


_DISTANCE = Term("distance", "{reference}")
_TO_LINEAR = Term("distance", "{linear}")
_TO_GAUSSIAN = Term("distance", "{gaussian}")
_TO_EMPIRICAL = Term("distance", "{empirical}")
_BETWEEN = Term("distance", "{gaussian}", "{empirical}")
_LINEAR_GAUSSIAN = Term("linear_gaussian", "{linear}")
_GL = ("nearest", "norm")
_REAL_GL = Term(_GL, "{reference}", "{subset}/heldout", sampler="photographs", each=_root_ratio)


def _distilled(quantity: str) -> Term:
    return Term(quantity, "{linear}")


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
    Metric("nrmse", "distance", (_DISTANCE, Term("norm")), _root_ratio, reference="{reference}"),
    Metric("nrmse_centred", "distance", (_DISTANCE, Term("norm_centred")), _root_ratio, reference="{reference}"),
    Metric(
        "difference_ratio",
        "distance",
        (Term(("distance", "norm"), "{reference}", each=_root_ratio),),
        reference="{reference}",
    ),
    Metric("rmse", "distance", (_LINEAR_GAUSSIAN,), np.sqrt, "{linear}", "{gaussian}", per_pixel=True),
    Metric("nrmse", "distance", (_LINEAR_GAUSSIAN, Term("norm")), _root_ratio, "{linear}", "{gaussian}"),
    *_linearity(""),
    *_linearity("_centred"),
    *_linearity("_residual"),
    Metric("affinity", "linearity", (Term("affine_gap"), Term("norm_centred")), np.divide),
    Metric("r2_linear", "linearity", (_TO_LINEAR, Term("norm_centred")), _left),
    Metric("r2_linear_residual", "linearity", (_TO_LINEAR, Term("residual_norm_centred")), _left),
    Metric(
        "mismatch",
        "distillation",
        (_distilled("mismatch"), _distilled("gaussian_spread")),
        np.divide,
        reference="{gaussian}",
    ),
    Metric(
        "weight_distance",
        "distillation",
        (_distilled("weight_mismatch"), _distilled("gaussian_weight")),
        lambda mismatch, weight: signed_root(mismatch / weight),
        reference="{gaussian}",
    ),
    Metric(
        "weight_distance_raw",
        "distillation",
        (_distilled("weight_gap"), _distilled("gaussian_weight")),
        _root_ratio,
        reference="{gaussian}",
    ),
    Metric(
        "asymmetry",
        "distillation",
        (_distilled("asymmetry_product"), _distilled("linear_product")),
        lambda product, weight: signed_root(product / weight),
    ),
    Metric("asymmetry_raw", "distillation", (_distilled("asymmetry"), _distilled("linear_weight")), _root_ratio),
    *(
        Metric(
            f"jacobian_to_{name}",
            "distillation",
            (_distilled(f"jacobian_{name}"), _distilled("linear_product")),
            lambda gap, weight: signed_root(gap / weight),
            reference="{" + name + "}",
        )
        for name in ("linear", "gaussian")
    ),
    Metric("fit_error", "distillation", (_TO_LINEAR, Term("norm_centred")), _root_ratio, reference="{linear}"),
    Metric(
        "fit_error",
        "distillation",
        (_distilled("fit_gap"), _distilled("fit_spread")),
        _root_ratio,
        reference="{linear}",
    ),
    Metric("gain", "alignment", (_distilled("gain"),), reference="{linear}"),
    Metric("singular_value", "alignment", (_distilled("singular_value"),), reference="{linear}"),
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
    Metric("gl_score", "memorisation", (Term(_GL, "{reference}", each=_root_ratio),), reference="{reference}"),
    Metric(
        "gl_relative",
        "memorisation",
        (Term(_GL, "{reference}", each=_root_ratio), _REAL_GL),
        np.divide,
        reference="{subset}/heldout",
    ),
    Metric(
        "memorised_fraction",
        "memorisation",
        (Term(("nearest", "second"), "{reference}", each=_is_copy),),
        reference="{reference}",
        proportion=True,
    ),
    Metric(
        "nearest_distance",
        "memorisation",
        (Term("nearest", "{reference}", each=np.sqrt),),
        reference="{reference}",
        per_pixel=True,
    ),
    Metric(
        "r_c",
        "agreement",
        (Term("inner", "{reference}"), Term("norm_a", "{reference}"), Term("norm_b", "{reference}")),
        _correlation,
        reference="{reference}",
    ),
    Metric(
        "pearson",
        "agreement",
        tuple(Term(f"pearson_{name}", "{reference}") for name in ("inner", "norm_a", "norm_b")),
        _correlation,
        reference="{reference}",
    ),
    Metric(
        "pixel_distance", "agreement", (Term("gap", "{reference}"),), np.sqrt, reference="{reference}", per_pixel=True
    ),
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
    Metric("position", "position", (_TO_GAUSSIAN, _TO_EMPIRICAL, _BETWEEN), _along),
    Metric("off_axis", "position", (_TO_GAUSSIAN, _TO_EMPIRICAL, _BETWEEN), _aside),
    Metric(
        "energy_cross",
        "position",
        (_TO_GAUSSIAN, _TO_LINEAR, _LINEAR_GAUSSIAN),
        lambda whole, fit, map_gap: 1 - (fit + map_gap) / whole,
    ),
)
