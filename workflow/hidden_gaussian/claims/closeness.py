"""Claims about how close networks are to the Gaussian denoiser: by size, by scale, and during training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hidden_gaussian.cells import Cell, largest, smallest
from hidden_gaussian.claims.evidence import Evidence, Untestable, require_sizes
from hidden_gaussian.claims.linearity import Groups, averaged, per_doubling
from hidden_gaussian.claims.verdicts import Claim, Finding
from hidden_gaussian.statistics import replicates
from hidden_gaussian.tables import Array, gates

PICKED, TESTED = slice(0, None, 2), slice(1, None, 2)
"""The images that choose a minimum, and the images it is measured on."""


def rho(evidence: Evidence, cell: Cell, images: slice | None = None) -> Array:
    """Return E|D - D_G|^2 / E|D_emp - D_G|^2: 0 is the Gaussian, 1 is as far from it as the empirical denoiser."""
    return evidence.in_window("rho", cell.id, images=images)


def nears(evidence: Evidence) -> Finding:
    """Compute minus the slopes of rho and rho* per doubling of N, over the window (claim 6)."""
    cells = evidence.sweep("size")
    require_sizes(cells)
    own = per_doubling(cells, {cell: rho(evidence, cell) for cell in cells}, -1.0)
    whole = per_doubling(cells, {cell: evidence.in_window("rho_star", cell.id) for cell in cells}, -1.0)
    return Finding((NEARS.part(own, "rho"), NEARS.part(whole, "rho*")), gates.is_trained(evidence, cells))


def small_is_nearer(evidence: Evidence) -> Finding:
    """Compute rho of the largest minus rho of the smallest scale, at the fewest images, trained equally (claim 7)."""
    small, large = extreme_scales(evidence)
    values = {cell: rho(evidence, cell) for cell in [*small, *large]}
    estimate = replicates.combine(_difference(large, small, values))
    return Finding((SCALE.part(estimate),), gates.is_trained(evidence, [*small, *large]))


def _difference(first: Sequence[Cell], second: Sequence[Cell], values: Mapping[Cell, Array]) -> Groups:
    return [*averaged(first, values), *averaged(second, values, -1.0)]


def extreme_scales(evidence: Evidence) -> tuple[list[Cell], list[Cell]]:
    """Return the smallest and the largest networks for the fewest training images, at equal images seen."""
    cells = smallest(evidence.sweep("scale"))
    scales = min(cell.scale for cell in cells), max(cell.scale for cell in cells)
    seen = [{cell.images_seen for cell in cells if cell.scale == scale} for scale in scales]
    common = seen[0] & seen[1]
    if scales[0] == scales[1] or not common:
        raise Untestable("no two scales with equal images seen")
    small, large = (
        [cell for cell in cells if cell.scale == scale and cell.images_seen == max(common)] for scale in scales
    )
    return small, large


def runs_in_time(evidence: Evidence, fewest: int) -> dict[Cell, list[Cell]]:
    """Return the checkpoints of each run of the time sweep, in order; raise Untestable if a run has too few."""
    runs: dict[Cell, list[Cell]] = {}
    for cell in evidence.sweep("time"):
        runs.setdefault(replace(cell, images_seen=0), []).append(cell)
    if any(len(run) < fewest for run in runs.values()):
        raise Untestable(f"a run of the time sweep has fewer than {fewest} checkpoints")
    return runs


def turns_back(evidence: Evidence) -> Finding:
    """Compute min(rho_first, rho_last) - rho_min of each run of the time sweep, over the window (claim 8).

    Every other image picks the checkpoint of the minimum; the remaining images give the three values.
    """
    runs = runs_in_time(evidence, fewest=3)
    depths, gate, minima, onsets = {}, True, [], []
    for start, run in runs.items():
        lowest, onset = _lowest(evidence, run), _onset(evidence, run)
        values = [rho(evidence, cell, TESTED) for cell in run]
        depths[start] = np.minimum(values[0], values[-1]) - values[lowest]
        gate &= onset > lowest
        minima.append(run[lowest].images_seen)
        onsets.append(_bracket(run, onset))
    estimate = replicates.combine(averaged(list(depths), depths))
    clock = f"{_clock(evidence, minima)}; memorising begins {', '.join(onsets)}"
    return Finding((TIME.part(estimate),), gate, clock)


def _lowest(evidence: Evidence, run: Sequence[Cell]) -> int:
    return int(np.argmin([rho(evidence, cell, PICKED)[0] for cell in run]))


def _onset(evidence: Evidence, run: Sequence[Cell]) -> int:
    """Return the index of the first checkpoint that memorises; -1, which lies before any minimum, if none does."""
    return next((index for index, cell in enumerate(run) if gates.memorises(evidence, cell)), -1)


def _bracket(run: Sequence[Cell], onset: int) -> str:
    """Return where memorising begins, in words: between the last checkpoint without it and the first one with it."""
    seen = [cell.images_seen for cell in run]
    if onset < 0:
        return f"after {seen[-1]}, if at all"
    return f"between {seen[onset - 1]} and {seen[onset]}" if onset else f"by {seen[0]}"


def _clock(evidence: Evidence, minima: Sequence[int]) -> str:
    """Return where the minimum is, in words, and where it is for the most training images.

    A minimum at the same time at every size would follow training time, not memorisation.
    """
    here = f"minimum at {', '.join(str(seen) for seen in minima)} images seen"
    networks = {(cell.architecture, cell.scale, cell.replicate) for cell in evidence.sweep("time")}
    same = [
        cell
        for cell in largest(evidence.cells)
        if (cell.architecture, cell.scale, cell.replicate) in networks and cell.replicate == 1
    ]
    run = sorted(cell for cell in same if cell.half == min(other.half for other in same))
    if len(run) < 3:
        return here
    try:
        there = run[_lowest(evidence, run)].images_seen
    except Untestable:
        return here
    return f"{here}; at N = {run[0].subset_size}, of {len(run)} snapshots: {there}"


def is_undertraining(evidence: Evidence) -> Finding:
    """Compute nRMSE to D_G above the window: small minus large scale, and first minus last checkpoint (claim 16)."""
    small, large = extreme_scales(evidence)
    values = {cell: _above_window(evidence, cell) for cell in [*small, *large]}
    # a difference within each training: unequal levels of different trainings then do not widen the interval
    change = {
        run[-1]: _above_window(evidence, run[0]) - _above_window(evidence, run[-1])
        for run in runs_in_time(evidence, fewest=2).values()
    }
    groups = {
        "small minus large scale": _difference(small, large, values),
        "early minus late": averaged(list(change), change),
    }
    return Finding(tuple(UNDERTRAINED.part(replicates.combine(group), what) for what, group in groups.items()))


def _above_window(evidence: Evidence, cell: Cell) -> Array:
    return evidence.around_window("nrmse", cell.id, "above", reference_id=f"{cell.subset}/gaussian")


NEARS = Claim(
    "6",
    "Fig. 6",
    "The denoiser approaches the Gaussian denoiser as the training set grows",
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
    "With few training images, a smaller network is closer to the Gaussian denoiser",
    "rho of the largest minus rho of the smallest scale at equal images seen, in the window",
    0.05,
    small_is_nearer,
    f"{gates.T}, for both scales",
    "RMSE to D_G falls as the scale falls, for sigma in [0.116, 20] at N = 1094",
    counter_example="the scales exchanged; an untrained small network",
)
TIME = Claim(
    "8",
    "Fig. 8",
    "During training a network first approaches the Gaussian denoiser, then moves away from it before it memorises",
    "min(rho_first, rho_last) - rho_min, in the window; the minimum is chosen on the other half of the images",
    0.05,
    turns_back,
    "the minimum comes before the first checkpoint that memorises",
    "nearest at epoch 841 (920 kimg) of N = 1094",
    counter_example="a monotone series; a minimum after the network has memorised, or in one that never does",
)
UNDERTRAINED = Claim(
    "16",
    "reviewer VCtP",
    "At high noise the distance to the Gaussian denoiser comes from undertraining",
    "nRMSE to D_G above the window: smallest minus largest scale at equal images seen, and first minus last checkpoint",
    0.0,
    is_undertraining,
    None,
    "at sigma = 60 only large scales and long training reach D_G, at N = 1094 on FFHQ",
    counter_example="scale and time reversed",
)
