"""The page of the reviewers' demands: which figure or claim answers each, and where the numbers are."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from hidden_gaussian.claims import LEDGER, Claim
from hidden_gaussian.figures import ENTRIES
from hidden_gaussian.pages.claims_prose import MISSING, Results, after_holm, number, outcome, rows_of

HEAD = """# What the reviewers asked for

Each row is a demand of the paper's public reviews and what answers it here. A figure is made by
`snakemake figure_<name>` if the study has its cells. [claims.md](claims.md) explains the claims and
[results/README.md](../results/README.md) the tables. Generated from `hidden_gaussian/pages/reviews.py`.

For each claim the page gives the verdict on every dataset, and the estimate with its 95 % interval on one dataset:
digits, if it was tested there. [The table of claims](claims.md#results) has all estimates.

| demand | figures | claims | numbers | where they are |
| --- | --- | --- | --- | --- |
"""


SHOWN = "digits"
"""The dataset whose estimates are shown: anybody can reproduce them in minutes."""


class Demand(NamedTuple):
    """A demand, the figures and claims that answer it, and where the numbers are."""

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
        "Take the root outside the expectation",
        ("denoiser_distance",),
        (),
        "`distance`: `rmse`; the published form is `rmse_per_image`",
    ),
    Demand(
        "A continuous colour map where one parameter varies, a logarithmic noise axis, regular sizes",
        ("linearity", "dataset_size", "model_scale", "training_time"),
        (),
        "viridis over the logarithm of the parameter; sizes are powers of two, or the paper's 70,000/2^k",
    ),
    Demand(
        "State which covariance the Gaussian denoiser uses",
        ("dataset_size", "strong_generalisation"),
        ("6",),
        "always the covariance of the network's own subset; `position`: `rho_star` uses the largest subset",
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
        "`linearity`: `affinity` (0 for every affine map), `cosine_centred`; rows for the empirical and Gaussian "
        "denoisers, the identity and the mean image",
    ),
    Demand(
        "Measure memorisation and generalisation beside every curve",
        ("generalisation_score", "memorisation", "score_thresholds"),
        ("5", "11", "13"),
        "`memorisation`: `memorised_fraction`, `gl_score`, `gl_relative`; `gap`: `gap_ratio`",
    ),
    Demand(
        "Linearise the trained network (first-order Taylor)",
        ("jacobian", "linear_weights"),
        ("4",),
        "least-squares map: `distillation`: `mismatch`, `weight_distance`; local map: Jacobians, if measured",
    ),
    Demand(
        "Does it hold beyond faces, in numbers?",
        ("other_datasets", "overview"),
        ("4", "6", "15"),
        "`tables/claims.csv` of each dataset",
    ),
    Demand(
        "Explain high noise, sigma from 20 to 80",
        ("high_noise", "high_noise_training"),
        ("16",),
        "`distance`: `nrmse` above the window, by scale and images seen",
    ),
    Demand(
        "Define the inductive bias; give the full setup",
        (),
        (),
        "README, *What is measured*; [setup.md](setup.md)",
    ),
    Demand(
        "Correlation is not causation; middle noise, where networks are not linear, may be what generalises",
        ("overview", "splice", "surrogates"),
        ("2", "10", "15"),
        "`gap`: `loss_ratio` to the Gaussian in the window; samplers with another denoiser at some noise levels",
    ),
    Demand("c_out lacks its argument in two equations", (), (), "[setup.md](setup.md), *The denoiser*, in full"),
    Demand(
        "Theorem 1 is the Wiener filter; sample the Gaussian directly; Gaussian and empirical denoiser are extremes",
        ("samples", "sampler_error", "position"),
        ("cal",),
        "README; samples of the Gaussian are exact solutions; `position`: `position`, `off_axis`, within the window",
    ),
    Demand(
        "Metrics other than the root mean square error",
        ("normalised_distance", "energy_split"),
        ("4", "6"),
        "`position`: `rho`; `distillation`: `mismatch`; `agreement`: `r_c`; `quality`",
    ),
    Demand(
        "Do halves agree more than two Gaussians do (random matrices agree too)?",
        ("strong_generalisation", "agreement"),
        ("9", "10"),
        "`agreement`: `r_c` of networks, Gaussians and empirical denoisers of both halves, and of different latents",
    ),
    Demand(
        "Agreement between poor images is not generalisation",
        ("strong_generalisation",),
        ("12",),
        "`memorisation` and `quality` of the same sample sets",
    ),
    Demand(
        "Does the dashed curve really show memorisation?",
        ("regimes", "memorisation"),
        ("13",),
        "`memorisation`: `memorised_fraction`, beside held-out photographs and noisy copies",
    ),
    Demand(
        "Do memorising networks keep mean and covariance?",
        ("moments",),
        ("14",),
        "`moments`: `covariance_ratio`",
    ),
    Demand(
        "Does the minimum in time follow memorisation, or only training time?",
        ("training_clock", "training_time"),
        ("8",),
        "column `clock` of the ledger: images seen at the minimum, at this and the largest size, and at the onset of "
        "memorising",
    ),
)


def page(results: Results) -> str:
    """Return the page, as Markdown; figures without an entry are left out.

    Parameters
    ----------
    results : mapping of str to DataFrame
        Ledgers (the columns of ``schemas.CLAIMS``) by dataset.
    """
    return HEAD + "\n".join(_row(demand, results) for demand in DEMANDS) + "\n"


def _row(demand: Demand, results: Results) -> str:
    figures = _list([f"`{name}`" for name in demand.figures if name in ENTRIES])
    claims = [claim for claim in LEDGER if claim.number in demand.claims]
    numbers = "<br>".join(_numbers(claim, results) for claim in claims) or "-"
    return f"| {demand.what} | {figures} | {_list([claim.number for claim in claims])} | {numbers} | {demand.where} |"


def _numbers(claim: Claim, results: Results) -> str:
    """Return the verdict on every dataset where the claim was measured, and one estimate."""
    measured = {name: row for name, row in rows_of(claim, results).items() if outcome(row) != MISSING}
    if not measured:
        return f"{claim.number}: not measured"
    first = SHOWN if SHOWN in measured else next(iter(measured))
    names = [first, *(name for name in measured if name != first)]
    verdicts = [f"{name} {outcome(measured[name])}{after_holm(measured[name])}" for name in names]
    return f"{claim.number}: {number(measured[first])}, {'; '.join(verdicts)}"


def _list(names: Collection[str]) -> str:
    return ", ".join(names) if names else "-"
