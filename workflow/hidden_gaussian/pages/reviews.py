"""The page of the reviewers' demands: which figure or claim answers each, and where its number is."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from hidden_gaussian.claims import LEDGER, Claim
from hidden_gaussian.figures import ENTRIES
from hidden_gaussian.pages.claims_prose import MISSING, Results, after_holm, number, outcome, rows_of

HEAD = """# What the reviewers asked for

Each demand of the paper's public reviews, and what answers it here. Figures are targets (`snakemake figure_<name>`)
where the study has their cells; claims are explained in [claims.md](claims.md), tables in
[results/README.md](../results/README.md). Generated from `hidden_gaussian/pages/reviews.py`.

Of each claim: the verdict on every data set, and on one (digits, where it was tested there) the estimate with its 95 %
interval; the other estimates are in [the table of claims](claims.md#results).

| demand | figures | claims | numbers | where they are |
| --- | --- | --- | --- | --- |
"""


SHOWN = "digits"
"""Data set of which the page gives estimates: anybody can make them again in minutes."""


class Demand(NamedTuple):
    """A demand, the figures and claims that answer it, and where the number is."""

    what: str
    figures: tuple[str, ...]
    claims: tuple[str, ...]
    where: str


DEMANDS = (
    Demand(
        "Distances normalised by the root mean square of the network's output",
        ("denoiser_distance", "dataset_size", "normalised_distance"),
        (),
        "`distance`: `nrmse`; above 1 where the difference is larger than the output",
    ),
    Demand(
        "Root outside of the expectation",
        ("denoiser_distance",),
        (),
        "`distance`: `rmse`; as published, `rmse_per_image`",
    ),
    Demand(
        "A continuous colour map where one parameter varies, logarithmic noise axis, regular sizes",
        ("linearity", "dataset_size", "model_scale", "training_time"),
        (),
        "viridis along the logarithm of the parameter; sizes are powers of two, or the paper's 70,000/2^k",
    ),
    Demand(
        "State which covariance the Gaussian denoiser has",
        ("dataset_size", "strong_generalisation"),
        ("6",),
        "always the network's own subset's; `position`: `rho_star` for the Gaussian of the largest subset",
    ),
    Demand(
        "Linearity of the residual (the score), at low noise too",
        ("linearity", "residual_linearity"),
        ("3",),
        "`linearity`: `cosine_residual`, `r2_linear_residual`",
    ),
    Demand(
        "Is the linearity score meaningful? Baselines, and an affine denoiser is not linear",
        ("linearity", "alpha_sweep"),
        ("1", "2"),
        "`linearity`: `affinity` (0 for every affine map), `cosine_centred`; rows of the empirical, the Gaussian, the "
        "identity and the mean image",
    ),
    Demand(
        "Memorisation and generalisation measured beside every curve",
        ("generalisation_score", "memorisation", "score_thresholds"),
        ("5", "11", "13"),
        "`memorisation`: `memorised_fraction`, `gl_score`, `gl_relative`; `gap`: `gap_ratio`",
    ),
    Demand(
        "A linearisation of the trained network (first-order Taylor)",
        ("jacobian", "linear_weights"),
        ("4",),
        "the least-squares map: `distillation`: `mismatch`, `weight_distance`; the local one: Jacobians where measured",
    ),
    Demand(
        "Does it hold beyond faces, in numbers?",
        ("other_datasets", "overview"),
        ("4", "6", "15"),
        "`tables/claims.csv` of each data set",
    ),
    Demand(
        "Explain high noise, sigma from 20 to 80",
        ("high_noise", "high_noise_training"),
        ("16",),
        "`distance`: `nrmse` above the window, along scale and images seen",
    ),
    Demand(
        "Define the inductive bias; give the whole setup",
        (),
        (),
        "README, *What is measured*; [setup.md](setup.md)",
    ),
    Demand(
        "Correlation is not causation; middle noise, where networks are not linear, may be what generalises",
        ("overview", "splice", "surrogates"),
        ("2", "10", "15"),
        "`gap`: `loss_ratio` to the Gaussian in the window; samplers with the denoiser exchanged at some noise levels",
    ),
    Demand("c_out without its argument in two equations", (), (), "[setup.md](setup.md), *The denoiser*, in full"),
    Demand(
        "Theorem 1 is the Wiener filter; sample the Gaussian directly; Gaussian and memoriser are two extremes",
        ("samples", "sampler_error", "position"),
        ("cal",),
        "README; samples of the Gaussian are exact solutions; `position`: `position`, `off_axis`, inside the window",
    ),
    Demand(
        "Other metrics than the root mean square error",
        ("normalised_distance", "energy_split"),
        ("4", "6"),
        "`position`: `rho`; `distillation`: `mismatch`; `agreement`: `r_c`; `quality`",
    ),
    Demand(
        "Is agreement of halves more than two Gaussians' (random matrices agree too)?",
        ("strong_generalisation", "agreement"),
        ("9", "10"),
        "`agreement`: `r_c` of networks, Gaussians and empirical denoisers of both halves, and of other latents",
    ),
    Demand(
        "Agreement of poor images is not generalisation",
        ("strong_generalisation",),
        ("12",),
        "`memorisation` and `quality` of the same sample sets",
    ),
    Demand(
        "Is the dashed curve really one of memorising?",
        ("regimes", "memorisation"),
        ("13",),
        "`memorisation`: `memorised_fraction` with the rate of held-out photographs and noisy copies",
    ),
    Demand(
        "Do memorising networks keep mean and covariance?",
        ("moments",),
        ("14",),
        "`moments`: `covariance_ratio`",
    ),
    Demand(
        "Is the minimum in time one of memorisation or mere time?",
        ("training_clock", "training_time"),
        ("8",),
        "column `clock` of the ledger: images seen at the minimum, here and at the largest size, and at the onset",
    ),
)


def page(results: Results) -> str:
    """Return the page, as Markdown; figures without an entry are left out.

    Parameters
    ----------
    results : mapping of str to DataFrame
        Ledgers (the columns of ``schemas.CLAIMS``) by data set.
    """
    return HEAD + "\n".join(_row(demand, results) for demand in DEMANDS) + "\n"


def _row(demand: Demand, results: Results) -> str:
    figures = _joined([f"`{name}`" for name in demand.figures if name in ENTRIES])
    claims = [claim for claim in LEDGER if claim.number in demand.claims]
    numbers = "<br>".join(_numbers(claim, results) for claim in claims) or "-"
    return f"| {demand.what} | {figures} | {_joined([claim.number for claim in claims])} | {numbers} | {demand.where} |"


def _numbers(claim: Claim, results: Results) -> str:
    """Return the verdict on every data set where the claim was measured, and the estimate on one of them."""
    measured = {name: row for name, row in rows_of(claim, results).items() if outcome(row) != MISSING}
    if not measured:
        return f"{claim.number}: not measured"
    first = SHOWN if SHOWN in measured else next(iter(measured))
    names = [first, *(name for name in measured if name != first)]
    verdicts = [f"{name} {outcome(measured[name])}{after_holm(measured[name])}" for name in names]
    return f"{claim.number}: {number(measured[first])}, {'; '.join(verdicts)}"


def _joined(names: Collection[str]) -> str:
    return ", ".join(names) if names else "-"
