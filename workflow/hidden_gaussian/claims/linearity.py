"""Claims on linearity and on what linear distillation finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hidden_gaussian.cells import Cell, largest, smallest
from hidden_gaussian.claims.evidence import Evidence, Missing, OneLevel, require_sizes, trainings
from hidden_gaussian.claims.verdicts import Claim, Finding, Part
from hidden_gaussian.statistics import Estimate, bootstrap, replicates
from hidden_gaussian.tables import Array, gates


def excess(evidence: Evidence, cell: Cell) -> Array:
    """Return (R2_net - R2_emp) / (1 - R2_emp): linearity beyond what a memoriser of the same images shows."""
    network = evidence.in_window("r2_linear", cell.id)
    memoriser = evidence.in_window("r2_linear", f"{cell.subset}/empirical")
    return (network - memoriser) / (1 - memoriser)


def mismatch(evidence: Evidence, cell: Cell) -> Array:
    """Return the squared distance of distilled and Gaussian map in the images' span, over E|D_G - mu|^2."""
    return evidence.in_window("mismatch_inside", cell.id)


def per_doubling(
    cells: Sequence[Cell], statistic: dict[Cell, Array], sign: float = 1.0, covers: str = bootstrap.GIVEN
) -> Estimate:
    """Return the slope of a statistic per doubling of the training images."""
    groups = trainings(cells)
    coefficients = sign * bootstrap.slope_coefficients([group[0].subset_size for group in groups])
    return replicates.combine(
        [
            (float(coefficient), [statistic[cell] for cell in group])
            for coefficient, group in zip(coefficients, groups, strict=True)
        ],
        covers,
    )


def averaged(
    cells: Sequence[Cell], statistic: dict[Cell, Array], share: float = 1.0
) -> list[tuple[float, list[Array]]]:
    """Return the groups whose weighted sum is `share` times the mean over cells, replicates together."""
    groups = trainings(cells)
    return [(share / len(groups), [statistic[cell] for cell in group]) for group in groups]


def grows(evidence: Evidence) -> Finding:
    """Compute the slope per doubling of N of the linearity excess (R2_net - R2_emp) / (1 - R2_emp) (claim 1)."""
    cells = evidence.sweep("size")
    require_sizes(cells)
    slope = per_doubling(cells, {cell: excess(evidence, cell) for cell in cells}, covers=bootstrap.GIVEN_FITS)
    return Finding((Part(GROWS.statistic, slope, GROWS.delta),), gates.is_trained(evidence, cells))


def least_in_the_middle(evidence: Evidence) -> Finding:
    """Compute the affinity within the window less the larger of those below and above it (claim 2).

    The affinity is E|D(sum w_i y_i) - sum w_i D(y_i)|^2 / E|D - E D|^2 with w = (2/3, 2/3, -1/3).
    """

    def excess_of_middle(cell: Cell) -> Array:
        below, within, above = (
            evidence.around_window("affinity", cell.id, side) for side in ("below", "within", "above")
        )
        return within - np.maximum(below, above)

    return at_extremes(evidence, excess_of_middle, MIDDLE.delta)


def residual_falls(evidence: Evidence) -> Finding:
    """Compute R2 of the residual y - D at the top of the window less that at its bottom (claim 3)."""
    low, high = min(evidence.window), max(evidence.window)
    if low == high:
        raise OneLevel("the window has one noise level")

    def fall(cell: Cell) -> Array:
        top, bottom = (evidence.at_levels("r2_linear_residual", cell.id, [sigma]) for sigma in (high, low))
        return top - bottom

    return at_extremes(evidence, fall, RESIDUAL.delta, bootstrap.GIVEN_FITS)


def at_extremes(
    evidence: Evidence, statistic: Callable[[Cell], Array], delta: float, covers: str = bootstrap.GIVEN
) -> Finding:
    """Find whether a statistic is above delta both for the fewest and for the most training images."""
    parts = []
    sweep = evidence.sweep("size")
    for size, cells in {ends[0].subset_size: ends for ends in (smallest(sweep), largest(sweep))}.items():
        estimate = replicates.combine(averaged(cells, {cell: statistic(cell) for cell in cells}), covers)
        parts.append(Part(f"N = {size}", estimate, delta))
    return Finding(tuple(parts))


def distils_to_gaussian(evidence: Evidence) -> Finding:
    """Compute the cross-fit E|D_L - D_G|^2 / E|D_G - mu|^2 of the largest N (claim 4)."""
    cells = largest(evidence.sweep("size"))
    found = {cell: mismatch(evidence, cell) for cell in cells}
    estimate = replicates.combine(averaged(cells, found), bootstrap.GIVEN_FITS)
    gate = gates.beats_gaussian(evidence, cells)
    return Finding((Part(GAUSSIAN.statistic, estimate, GAUSSIAN.delta, GAUSSIAN.rule),), gate)


def memorising_breaks(evidence: Evidence) -> Finding:
    """Compute the cross-fit E|D_L - D_G|^2 / E|D_G - mu|^2 of the smallest less that of the largest N (claim 5)."""
    cells = evidence.sweep("size")
    require_sizes(cells)
    few, many = smallest(cells), largest(cells)
    found = {cell: mismatch(evidence, cell) for cell in [*few, *many]}
    estimate = replicates.combine([*averaged(few, found), *averaged(many, found, -1.0)], bootstrap.GIVEN_FITS)
    return Finding((Part(BREAKS.statistic, estimate, BREAKS.delta),), gates.all_memorise(evidence, few))


def is_calibrated(evidence: Evidence) -> Finding:
    """Compute the cross-fit E|D_L - D_G|^2 / E|D_G - mu|^2 of empirical denoisers on training images.

    The fits to the subsets take the place of trainings, since their noise is what errs.
    """
    subsets = sorted({cell.subset for cell in evidence.sweep("size")})
    if len(subsets) < 2:
        raise Missing("one fit does not tell its own noise")
    found = [evidence.in_window("mismatch_inside", f"{subset}/empirical", inputs="train") for subset in subsets]
    combined = replicates.combine([(1.0, found)])
    estimate = Estimate(combined.value, combined.bounds, "images and fits")
    return Finding((Part(CALIBRATED.statistic, estimate, CALIBRATED.delta, CALIBRATED.rule),))


GROWS = Claim(
    "1",
    "Fig. 1, 13",
    "The denoiser becomes more linear as the training set grows",
    "slope of the linearity excess over the memoriser per doubling of N, in the window",
    0.01,
    grows,
    gates.T,
    "cosine at its minimum over sigma: .771 (N = 68) to .973 (N = 70,000) on FFHQ, monotone in N",
    counter_example="the empirical denoiser at every N, whose own linearity grows with N",
)
MIDDLE = Claim(
    "2",
    "Fig. 1",
    "A denoiser is least linear at middle noise",
    "E|D(sum w y) - sum w D(y)|^2 / E|D - E D|^2 of three images, w = (2/3, 2/3, -1/3): in the window less the larger "
    "of below and above it, at the smallest and the largest N",
    0.05,
    least_in_the_middle,
    None,
    "cosine least at sigma 3-7 at every N on FFHQ, near 1 at both ends",
    counter_example="the Gaussian denoiser, whose published score is below 1 only because of its offset",
)
RESIDUAL = Claim(
    "3",
    "reviewer N1bC, rebuttal",
    "The residual is less linear where there is less noise",
    "share of the residual's variance that an affine map explains: at the top of the window less at its bottom, at the "
    "smallest and the largest N",
    0.05,
    residual_falls,
    None,
    "linearity of the score close to 1 but at very low noise, on an axis that hid sigma below 1",
    counter_example="the Gaussian denoiser, whose residual is affine at every noise level",
)
GAUSSIAN = Claim(
    "4",
    "Fig. 2-4",
    "A generalising denoiser distils to the Gaussian denoiser of its training set",
    "cross-fit |D_L - D_G|^2 in the span of the training images over |D_G - mu|^2, largest N, in the window",
    0.05,
    distils_to_gaussian,
    gates.Q,
    "RMSE of D_L and D_G below 0.05 at all ten levels on FFHQ",
    counter_example="the stationary denoiser, which is affine and has the right variance, but not the covariance",
    rule="below",
)
BREAKS = Claim(
    "5",
    "Fig. 5",
    "A memorising denoiser no longer distils to the Gaussian denoiser",
    "cross-fit |D_L - D_G|^2 in the span of the training images over |D_G - mu|^2, "
    "smallest N less largest N, in the window",
    0.05,
    memorising_breaks,
    gates.M,
    "RMSE of D_L and D_G about 0.10-0.17 when memorising, 0.02-0.06 when generalising",
    counter_example="the Gaussian denoiser of each subset",
)
CALIBRATED = Claim(
    "cal",
    "exact identity",
    "On noised training images the exact denoiser distils to the Gaussian denoiser",
    "cross-fit |D_L - D_G|^2 in the span of the training images over |D_G - mu|^2 of the "
    "empirical denoiser on training images, in the window",
    0.0,
    is_calibrated,
    counter_example="an empirical denoiser that is drawn towards the mean, and so no posterior mean",
    rule="covers",
)
