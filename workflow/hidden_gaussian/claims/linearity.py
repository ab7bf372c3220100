"""Claims on linearity and on what linear distillation finds."""

from __future__ import annotations

from collections.abc import Sequence

from hidden_gaussian import statistics
from hidden_gaussian.cells import Cell
from hidden_gaussian.claims import gates
from hidden_gaussian.claims.evidence import Evidence, Missing, largest, require_sizes, smallest, trainings
from hidden_gaussian.claims.verdicts import Claim, Finding, Part
from hidden_gaussian.estimates.blocks import Array
from hidden_gaussian.statistics import Estimate


def excess(evidence: Evidence, cell: Cell) -> Array:
    """Return (R2_net - R2_emp) / (1 - R2_emp): linearity beyond what a memoriser of the same images shows."""
    network = evidence.in_window("r2_linear", cell.id)
    memoriser = evidence.in_window("r2_linear", f"{cell.subset}/empirical")
    return (network - memoriser) / (1 - memoriser)


def mismatch(evidence: Evidence, cell: Cell) -> Array:
    """Return the squared distance of distilled and Gaussian map, over E|D_G - mu|^2."""
    return evidence.in_window("mismatch", cell.id)


def per_doubling(cells: Sequence[Cell], statistic: dict[Cell, Array], sign: float = 1.0) -> Estimate:
    """Return the slope of a statistic per doubling of the training images."""
    groups = trainings(cells)
    coefficients = sign * statistics.slope_coefficients([group[0].subset_size for group in groups])
    return statistics.combine(
        [
            (float(coefficient), [statistic[cell] for cell in group])
            for coefficient, group in zip(coefficients, groups, strict=True)
        ]
    )


def averaged(
    cells: Sequence[Cell], statistic: dict[Cell, Array], share: float = 1.0
) -> list[tuple[float, list[Array]]]:
    """Return the groups whose weighted sum is `share` times the mean over cells, replicates together."""
    groups = trainings(cells)
    return [(share / len(groups), [statistic[cell] for cell in group]) for group in groups]


def grows(evidence: Evidence) -> Finding:
    """Claim 1."""
    cells = evidence.sweep("size")
    require_sizes(cells)
    slope = per_doubling(cells, {cell: excess(evidence, cell) for cell in cells})
    return Finding((Part(GROWS.statistic, slope, GROWS.delta),), gates.is_trained(evidence, cells))


def distils_to_gaussian(evidence: Evidence) -> Finding:
    """Claim 4."""
    cells = largest(evidence.sweep("size"))
    estimate = statistics.combine(averaged(cells, {cell: mismatch(evidence, cell) for cell in cells}))
    gate = gates.beats_gaussian(evidence, cells)
    return Finding((Part(GAUSSIAN.statistic, estimate, GAUSSIAN.delta, "below"),), gate)


def memorising_breaks(evidence: Evidence) -> Finding:
    """Claim 5."""
    cells = evidence.sweep("size")
    require_sizes(cells)
    few, many = smallest(cells), largest(cells)
    found = {cell: mismatch(evidence, cell) for cell in [*few, *many]}
    estimate = statistics.combine([*averaged(few, found), *averaged(many, found, -1.0)])
    return Finding((Part(BREAKS.statistic, estimate, BREAKS.delta),), gates.all_memorise(evidence, few))


def is_calibrated(evidence: Evidence) -> Finding:
    """Calibration: the fits to the subsets take the place of trainings, since their noise is what errs."""
    subsets = sorted({cell.subset for cell in evidence.sweep("size")})
    if len(subsets) < 2:
        raise Missing("one fit does not tell its own noise")
    found = [evidence.in_window("mismatch", f"{subset}/empirical", inputs="train") for subset in subsets]
    combined = statistics.combine([(1.0, found)])
    estimate = Estimate(combined.value, combined.bounds, "images and fits")
    return Finding((Part(CALIBRATED.statistic, estimate, CALIBRATED.delta, "covers"),))


GROWS = Claim(
    "1",
    "Fig. 1, 13",
    "The denoiser becomes more linear as the training set grows",
    "slope of the linearity excess over the memoriser per doubling of N, in the window",
    0.01,
    grows,
    gates.T,
    "cosine at its minimum over sigma: .771 (N = 68) to .973 (N = 70,000) on FFHQ, monotone in N",
)
GAUSSIAN = Claim(
    "4",
    "Fig. 2-4",
    "A generalising denoiser distils to the Gaussian denoiser of its training set",
    "cross-fit |D_L - D_G|^2 over |D_G - mu|^2, largest N, in the window",
    0.05,
    distils_to_gaussian,
    gates.Q,
    "RMSE of D_L and D_G below 0.05 at all ten levels on FFHQ",
)
BREAKS = Claim(
    "5",
    "Fig. 5",
    "A memorising denoiser no longer distils to the Gaussian denoiser",
    "cross-fit |D_L - D_G|^2 over |D_G - mu|^2, smallest N less largest N, in the window",
    0.05,
    memorising_breaks,
    gates.M,
    "RMSE of D_L and D_G about 0.10-0.17 when memorising, 0.02-0.06 when generalising",
)
CALIBRATED = Claim(
    "cal",
    "exact identity",
    "On noised training images the exact denoiser distils to the Gaussian denoiser",
    "cross-fit |D_L - D_G|^2 over |D_G - mu|^2 of the empirical denoiser on training images, in the window",
    0.0,
    is_calibrated,
)
