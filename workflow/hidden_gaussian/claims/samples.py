"""Claims about samples (agreement of disjoint halves, memorisation, moments) and about the held-out loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hidden_gaussian.cells import Cell, largest, smallest
from hidden_gaussian.claims.evidence import Evidence, Untestable, pairs, trainings
from hidden_gaussian.claims.linearity import Groups, averaged
from hidden_gaussian.claims.verdicts import Claim, Finding, Part
from hidden_gaussian.statistics import Estimate, bootstrap, replicates
from hidden_gaussian.tables import Array, gates

Pair = tuple[Cell, Cell]


def correlation(evidence: Evidence, first: str, second: str) -> Array:
    """Return r_c of two sample sets of shared latents, whichever of them was compared with the other."""
    try:
        return evidence.of_samples("r_c", first, reference_id=second)
    except Untestable:
        return evidence.of_samples("r_c", second, reference_id=first)


def agreement(evidence: Evidence, pair: Pair) -> Array:
    """Return r_c of the networks of two halves."""
    return correlation(evidence, pair[0].id, pair[1].id)


def reference_agreement(evidence: Evidence, pair: Pair, name: str) -> Array:
    """Return r_c of the reference denoisers of two halves."""
    return correlation(evidence, f"{pair[0].subset}/{name}", f"{pair[1].subset}/{name}")


def over_pairs(cells: Sequence[Cell], statistic: Callable[[Pair], Array], share: float = 1.0) -> Groups:
    """Return groups of replicates whose weighted sum is `share` times the mean of a statistic over pairs of halves."""
    groups = pairs(cells)
    return [(share / len(groups), [statistic(pair) for pair in group]) for group in groups]


def halves_agree(evidence: Evidence) -> Finding:
    """Compute r_c of the halves minus the larger of two nulls, at large N (claim 9).

    The nulls are r_c of the halves' empirical denoisers, and r_c of different latents.
    """
    cells = evidence.sweep("halves_large")

    def beyond_null(pair: Pair) -> Array:
        own = pair[0].id
        other_latents = evidence.of_samples("r_c", own, reference_id=own, parameter="shift")
        return agreement(evidence, pair) - np.maximum(reference_agreement(evidence, pair, "empirical"), other_latents)

    estimate = replicates.combine(over_pairs(cells, beyond_null))
    return Finding((AGREE.part(estimate),), gates.beats_gaussian(evidence, cells))


def beyond_gaussian(evidence: Evidence) -> Finding:
    """Compute r_c of the halves minus r_c of half a and its own Gaussian, same solver, at large N (claim 10)."""
    cells = evidence.sweep("halves_large")

    def beyond_own(pair: Pair) -> Array:
        return agreement(evidence, pair) - correlation(evidence, pair[0].id, f"{pair[0].subset}/gaussian")

    estimate = replicates.combine(over_pairs(cells, beyond_own))
    return Finding((BEYOND.part(estimate),), gates.beats_gaussian(evidence, cells))


def halves_differ(evidence: Evidence) -> Finding:
    """Compute r_c of the halves' Gaussians minus r_c of the halves, at small N (claim 11)."""
    cells = evidence.sweep("halves_small")

    def below_gaussian(pair: Pair) -> Array:
        return reference_agreement(evidence, pair, "gaussian") - agreement(evidence, pair)

    estimate = replicates.combine(over_pairs(cells, below_gaussian))
    return Finding((DIFFER.part(estimate),), gates.all_memorise(evidence, cells))


def agreement_returns(evidence: Evidence) -> Finding:
    """Compute r_c of the early-stopped, and of the small-scale, halves minus r_c of the full ones (claim 12)."""
    full = evidence.sweep("halves_small")
    names = {"halves_stopped": "stopped early", "halves_small_scale": "small scale"}
    tried = {what: evidence.sweep(name) for name, what in names.items() if evidence.sweeps.get(name)}
    if not tried:
        raise Untestable("neither stopped nor small networks")
    last = {_runs(pair): pair for group in pairs(full) for pair in group}

    def gain(pair: Pair) -> Array:
        return agreement(evidence, pair) - agreement(evidence, last[_runs(pair)])

    def difference(cells: Sequence[Cell]) -> Groups:
        if all(_runs(pair) in last for group in pairs(cells) for pair in group):
            return over_pairs(cells, gain)  # the same trainings, stopped earlier
        both = ((cells, 1.0), (full, -1.0))
        return [term for of, sign in both for term in over_pairs(of, lambda pair: agreement(evidence, pair), sign)]

    parts = tuple(RETURNS.part(replicates.combine(difference(cells)), what) for what, cells in tried.items())
    return Finding(parts, all(gates.beats_gaussian(evidence, cells) for cells in tried.values()))


def _runs(pair: Pair) -> tuple[str, str]:
    return pair[0].run, pair[1].run


def small_memorises(evidence: Evidence) -> Finding:
    """Compute the memorised fraction minus the held-out rate, and 1 - GL/GL_heldout, at the smallest N (claim 13)."""
    cells = smallest(evidence.sweep("size"))
    photographs = sorted({f"{cell.subset}/heldout" for cell in cells})
    beyond = bootstrap.difference(_memorised(evidence, cells), evidence.memorised(photographs))
    closeness = {cell: 1 - evidence.of_samples("gl_relative", cell.id) for cell in cells}
    closer = replicates.combine(averaged(cells, closeness))
    return Finding((MEMORISES.part(beyond, "memorised fraction"), Part("1 - GL / GL of held-out", closer, 0.5)))


def _memorised(evidence: Evidence, cells: Sequence[Cell]) -> Estimate:
    groups = trainings(cells)
    values = [(1 / len(groups), [evidence.memorised([cell.id]).value for cell in group], 0.0) for group in groups]
    together = evidence.memorised([cell.id for cell in cells])
    return replicates.with_trainings(together, *replicates.training_spread(values))


def keeps_moments(evidence: Evidence) -> Finding:
    """Compute the samples' covariance error / the 95 % quantile of a resampling null, smallest N (claim 14)."""
    cells = smallest(evidence.sweep("size"))
    ratios = {cell: evidence.of_samples("covariance_ratio", cell.id) for cell in cells}
    estimate = replicates.combine(averaged(cells, ratios))
    return Finding((MOMENTS.part(estimate),), gates.all_memorise(evidence, cells))


def beats_gaussian(evidence: Evidence) -> Finding:
    """Compute 1 - held-out loss / held-out loss of the Gaussian denoiser in the window, at the largest N (claim 15)."""
    cells = largest(evidence.sweep("size"))
    gain = {
        cell: 1 - evidence.in_window("loss_ratio", cell.id, reference_id=f"{cell.subset}/gaussian") for cell in cells
    }
    return Finding((MORE.part(replicates.combine(averaged(cells, gain))),))


AGREE = Claim(
    "9",
    "Fig. 9a",
    "Networks trained on disjoint large halves generate nearly the same images",
    "r_c of the halves minus the larger of r_c of their empirical denoisers and r_c of other latents",
    0.1,
    halves_agree,
    gates.Q,
    "pixel correlation .947 (FFHQ), .956 (CIFAR-10)",
    counter_example="the empirical denoisers of the halves; two untrained networks, whose samples are the same",
)
BEYOND = Claim(
    "10",
    "reviewers N1bC, 6yNJ",
    "Networks trained on disjoint large halves agree beyond what the Gaussian denoiser explains",
    "r_c of the halves minus r_c of one half and its own Gaussian, sampled with the same solver",
    0.0,
    beyond_gaussian,
    gates.Q,
    "pixel correlation .947 against .859 (FFHQ), .956 against .907 (CIFAR-10)",
    counter_example="the Gaussian denoisers of the halves",
)
DIFFER = Claim(
    "11",
    "Fig. 9b",
    "Networks trained on disjoint small halves generate different images",
    "r_c of the Gaussians of the halves minus r_c of the halves, small N",
    0.1,
    halves_differ,
    gates.M,
    "pixel correlation .560 (FFHQ), .470 (CIFAR-10); of the Gaussians .938, .934",
    counter_example="the Gaussian denoisers of the halves",
)
RETURNS = Claim(
    "12",
    "Fig. 9c",
    "Early stopping, or a small scale, makes networks of disjoint small halves agree",
    "r_c of the early-stopped pair, and of the small-scale pair, minus r_c of the full pair",
    0.1,
    agreement_returns,
    gates.Q,
    "pixel correlation .938 and .933 (FFHQ), .871 and .936 (CIFAR-10)",
    counter_example="two untrained networks",
)
MEMORISES = Claim(
    "13",
    "Fig. 13a",
    "Networks trained on few images copy them",
    "memorised fraction minus the held-out rate, and 1 - GL / GL of held-out images (bound 0.5), smallest N",
    0.1,
    small_memorises,
    None,
    "GL about 0.5 at N = 8750, where memorising begins; above 0.6 counts as generalising",
    counter_example="samples of the Gaussian denoiser; held-out images",
)
MOMENTS = Claim(
    "14",
    "authors' rebuttal",
    "Networks that memorise keep the covariance of their training images",
    "covariance error of the samples / 95 % quantile of the error of equally many training images drawn with "
    "replacement, smallest N",
    1.5,
    keeps_moments,
    gates.M,
    None,
    counter_example="samples of the stationary denoiser",
    rule="below",
)
MORE = Claim(
    "15",
    "reviewer N1bC",
    "A generalising network denoises better than the Gaussian denoiser",
    "1 - held-out loss / held-out loss of the Gaussian denoiser, largest N, in the window",
    0.05,
    beats_gaussian,
    counter_example="the Gaussian denoiser; an overfitted network",
)
