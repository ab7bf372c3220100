"""Claims on how near to the Gaussian denoiser networks are: by size, by scale, and in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hidden_gaussian.cells import Cell, largest, smallest
from hidden_gaussian.claims.evidence import Evidence, Missing, require_sizes
from hidden_gaussian.claims.linearity import averaged, per_doubling
from hidden_gaussian.claims.verdicts import Claim, Finding, Part
from hidden_gaussian.statistics import replicates
from hidden_gaussian.tables import Array, gates

PICKED, TESTED = slice(0, None, 2), slice(1, None, 2)


def rho(evidence: Evidence, cell: Cell, images: slice | None = None) -> Array:
    """Return E|D - D_G|^2 over E|D_emp - D_G|^2: 0 is the Gaussian, 1 as far from it as the memoriser."""
    return evidence.in_window("rho", cell.id, images=images)


def nears(evidence: Evidence) -> Finding:
    """Compute minus the slopes per doubling of N of rho and of rho*, over the window (claim 6)."""
    cells = evidence.sweep("size")
    require_sizes(cells)
    own = per_doubling(cells, {cell: rho(evidence, cell) for cell in cells}, -1.0)
    whole = per_doubling(cells, {cell: evidence.in_window("rho_star", cell.id) for cell in cells}, -1.0)
    parts = (Part("rho", own, NEARS.delta), Part("rho*", whole, NEARS.delta))
    return Finding(parts, gates.is_trained(evidence, cells))


def small_is_nearer(evidence: Evidence) -> Finding:
    """Compute rho of the largest less rho of the smallest scale at the fewest images and equal training (claim 7)."""
    few, many = extreme_scales(evidence)
    found = {cell: rho(evidence, cell) for cell in [*few, *many]}
    estimate = replicates.combine([*averaged(many, found), *averaged(few, found, -1.0)])
    return Finding((Part(SCALE.statistic, estimate, SCALE.delta),), gates.is_trained(evidence, [*few, *many]))


def extreme_scales(evidence: Evidence) -> tuple[list[Cell], list[Cell]]:
    """Return the smallest and the largest networks for the fewest training images, at equal images seen."""
    cells = smallest(evidence.sweep("scale"))
    small, large = min(cell.scale for cell in cells), max(cell.scale for cell in cells)
    seen = {scale: {cell.images_seen for cell in cells if cell.scale == scale} for scale in (small, large)}
    common = seen[small] & seen[large]
    if small == large or not common:
        raise Missing("no two scales with equal images seen")
    few, many = (
        [cell for cell in cells if cell.scale == scale and cell.images_seen == max(common)] for scale in (small, large)
    )
    return few, many


def runs_in_time(evidence: Evidence) -> dict[Cell, list[Cell]]:
    """Return the snapshots of each run of the sweep in time, in their order."""
    runs: dict[Cell, list[Cell]] = {}
    for cell in evidence.sweep("time"):
        runs.setdefault(replace(cell, images_seen=0), []).append(cell)
    return runs


def turns_back(evidence: Evidence) -> Finding:
    """Compute min(rho_first, rho_last) - rho_min of each run in time, over the window (claim 8).

    The snapshot of the minimum is picked on every other image, and all three are measured on the rest.
    """
    runs = runs_in_time(evidence)
    if any(len(run) < 3 for run in runs.values()):
        raise Missing("a minimum needs three snapshots")
    found, gate, minima, onsets = {}, True, [], []
    for start, run in runs.items():
        lowest = _lowest(evidence, run)
        values = [rho(evidence, cell, TESTED) for cell in run]
        found[start] = np.minimum(values[0], values[-1]) - values[lowest]
        onset = _onset(evidence, run)
        gate &= onset > lowest
        minima.append(run[lowest].images_seen)
        onsets.append(_bracket(run, onset))
    estimate = replicates.combine(averaged(list(found), found))
    clock = f"{_clock(evidence, minima)}; memorising begins {', '.join(onsets)}"
    return Finding((Part(TIME.statistic, estimate, TIME.delta),), gate, clock)


def _lowest(evidence: Evidence, run: Sequence[Cell]) -> int:
    return int(np.argmin([rho(evidence, cell, PICKED)[0] for cell in run]))


def _onset(evidence: Evidence, run: Sequence[Cell]) -> int:
    """Return the first snapshot that memorises; -1 if none does, so that nothing comes before it."""
    return next((place for place, cell in enumerate(run) if gates.memorises(evidence, cell)), -1)


def _bracket(run: Sequence[Cell], onset: int) -> str:
    """Tell the last snapshot that does not memorise and the first that does: memorising begins between the two."""
    seen = [cell.images_seen for cell in run]
    if onset < 0:
        return f"after {seen[-1]}, if at all"
    return f"between {seen[onset - 1]} and {seen[onset]}" if onset else f"by {seen[0]}"


def _clock(evidence: Evidence, minima: Sequence[int]) -> str:
    """Tell where the minimum is, and where it is for the most training images: is it memorisation or mere time?"""
    here = f"minimum at {', '.join(str(seen) for seen in minima)} images seen"
    networks = {(cell.architecture, cell.scale, cell.replicate) for cell in evidence.sweep("time")}
    others = [
        cell
        for cell in largest(evidence.cells)
        if (cell.architecture, cell.scale, cell.replicate) in networks and cell.replicate == 1
    ]
    run = sorted(cell for cell in others if cell.half == min(other.half for other in others))
    try:
        there = run[_lowest(evidence, run)].images_seen if len(run) > 2 else None
    except Missing:
        there = None
    return here if there is None else f"{here}; at N = {run[0].subset_size}, of {len(run)} snapshots: {there}"


def is_undertraining(evidence: Evidence) -> Finding:
    """Compute nRMSE to D_G above the window: small less large scale, and first less last snapshot (claim 16)."""
    few, many = extreme_scales(evidence)
    runs = runs_in_time(evidence).values()
    if any(len(run) < 2 for run in runs):
        raise Missing("a trend in time needs two snapshots")
    found = {cell: _above_window(evidence, cell) for cell in [*few, *many]}
    # of one training, so the difference is that of the training
    change = {run[-1]: _above_window(evidence, run[0]) - _above_window(evidence, run[-1]) for run in runs}
    groups = {
        "small less large scale": [*averaged(few, found), *averaged(many, found, -1.0)],
        "early less late": averaged(list(change), change),
    }
    return Finding(tuple(Part(what, replicates.combine(group), UNDERTRAINED.delta) for what, group in groups.items()))


def _above_window(evidence: Evidence, cell: Cell) -> Array:
    return evidence.around_window("nrmse", cell.id, "above", reference_id=f"{cell.subset}/gaussian")


NEARS = Claim(
    "6",
    "Fig. 6",
    "The denoiser comes nearer to the Gaussian denoiser as the training set grows",
    "minus the slopes of rho and of rho* per doubling of N, in the window",
    0.02,
    nears,
    gates.T,
    "RMSE to D_G falls with N, mostly for sigma in [0.116, 20]",
    counter_example="the empirical denoiser of each subset; the Gaussian denoiser of all images, for every subset",
)
SCALE = Claim(
    "7",
    "Fig. 7",
    "With few training images a smaller network is nearer to the Gaussian denoiser",
    "rho of the largest less rho of the smallest scale at equal images seen, in the window",
    0.05,
    small_is_nearer,
    f"{gates.T}, of both",
    "RMSE to D_G falls as the scale falls, for sigma in [0.116, 20] at N = 1094",
    counter_example="the scales exchanged; an untrained small network",
)
TIME = Claim(
    "8",
    "Fig. 8",
    "In training a network first comes nearer to the Gaussian denoiser and leaves it before it memorises",
    "min(rho_first, rho_last) - rho_min, in the window; the minimum is chosen on the other half of the images",
    0.05,
    turns_back,
    "the minimum is before the first snapshot that memorises",
    "nearest at epoch 841 (920 kimg) of N = 1094",
    counter_example="a monotone series; a minimum after the network has memorised, or in one that never does",
)
UNDERTRAINED = Claim(
    "16",
    "reviewer VCtP",
    "At high noise the distance to the Gaussian denoiser is caused by too little training",
    "nRMSE to D_G above the window: smallest less largest scale at equal images seen, and first less last snapshot",
    0.0,
    is_undertraining,
    None,
    "at sigma = 60 only large scales and long training reach D_G, at N = 1094 on FFHQ",
    counter_example="scale and time reversed",
)
