"""The page of claims: what is tested and how, and the verdicts on the datasets that were run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hidden_gaussian.claims import CALIBRATED, LEDGER, Claim
from hidden_gaussian.pages import markdown
from hidden_gaussian.pages.claims_prose import Results, outcome, result, rows_of, summary

RULES = {"above": "interval above {}", "below": "equivalence: interval below {}", "covers": "interval covers {}"}
HEAD = """# Claims

This page states as tests what the paper (Li, Dai & Qu, NeurIPS 2024), its reviewers and its authors' replies claim.
Each test declares its statistic, its smallest effect that matters (delta) or bound of equivalence, and its gate. All
were fixed before any result was seen. The page is generated from `hidden_gaussian/claims/` and from the ledgers in
`docs/results/`, which are the files `tables/claims.csv` of the runs.

* A claim **holds** if the whole 95 % interval lies beyond delta (below it for an equivalence), in each of its parts.
* It **fails** if the whole interval of one part lies on the other side, or if the gate is unmet. Gates are needed
  because untrained networks, for example, agree perfectly with each other.
* It is **undecided** otherwise, and if it could not be tested. The reasons are `missing` (the study lacks the cells),
  `one level` (the window has one noise level, so there is no trend over it; claim 3) and `ridge` (the linear maps were
  fitted with a ridge, which shrinks them towards the Gaussian's; claims 1, 3, 4, 5 and `cal`).

Every test must call its counter-example a failure; `tests/claims/` checks this.

* *Window* (transition window): the noise levels at which E|D_emp - D_G|^2, the squared distance between the empirical
  and the Gaussian denoiser, exceeds half its maximum. It is computed once per dataset, for the largest subset in the
  settings, saved in the ledger (column `window`) and shaded in figures over sigma. It is computed on **training**
  inputs. There both denoisers return the image at low noise and the mean at high noise, so the window ends on both
  sides. On held-out inputs the empirical denoiser returns a training image however low the noise, and the window would
  reach down to the lowest level. All other quantities use held-out inputs unless stated otherwise. Numerators and
  denominators are pooled over the window before dividing.
* *Gate* (precondition). T: training loss in the window below the Gaussian denoiser's. Q: upper end of held-out loss /
  the Gaussian denoiser's below 1. M: lower end of the memorised fraction above the fraction for held-out photographs.
* *Intervals*: images and latents are resampled once and used in every cell (BCa, with Student's deviate). Where images
  are mixed, whole mixing blocks of four are resampled. With several trainings per cell, their variance is pooled over
  the cells and enters by t. With one training per cell the interval is "given these networks": it does not cover
  another training, nor another fit of linear maps ("and fits").
* *Holm*: the verdict after Holm's correction is given where it differs. The correction covers the claims that were
  tested. Claims with an unmet gate, claims that could not be tested and the calibration `cal` have no p-value.

## Tests

"""
RESULTS = """## Results

"""
READING = """## How to read them

**Why "linear = Gaussian" is uninformative on training inputs.** Let y = x + sigma e with x drawn from the training
images, and let D(y) = E[x | y] be *any* exact posterior mean. By the tower property E[D(y) y'] = E[x y'], so the best
affine approximation of D from y is the best affine estimator of x itself, which is the Gaussian (Wiener) denoiser D_G
of the training set. The empirical denoiser is such a posterior mean. Distilled on noised training images it gives D_G
exactly, although it copies its training images. More generally, the distilled map is D_G whenever the error D(y) - x is
uncorrelated with y, and training to a stationary point nearly enforces this. A network that distils to the Gaussian on
its training inputs may therefore generalise or not. `cal` checks the identity; claims 4 and 5 use unseen images.

**Closeness to the Gaussian and generalising well are different axes**, so claims 4, 6 and 15 are read together. Where
15 holds, the network denoises better than its Gaussian, either because it uses structure that is not Gaussian or
because it estimates the covariance better than its training images do. Where 6 fails although its part rho holds, the
trend with N comes from the Gaussian itself. It converges as N grows, so any fixed denoiser seems to approach it. Where
10 fails, two networks agree no more than a network agrees with its own Gaussian, which may be all they share.

**What these runs do not show.** Images have 8x8 to 32x32 pixels, and the networks are small and were trained briefly,
on two cores. Where most claims fail by gates T and Q, the networks have learned too little for a test; the ledger then
shows that the pipeline runs on these data, not that the claims are wrong. A claim that fails here has not failed on
FFHQ at 64x64 with 70 million images seen; `config/paper.yaml` tests it at that size. An effect whose whole interval
lies below delta is a failure even if its sign agrees with the paper.
"""


def page(results: Results) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    results : mapping of str to DataFrame
        Ledgers (the columns of ``schemas.CLAIMS``) by dataset.
    """
    return "\n".join([HEAD + _tests(), RESULTS + _summary(results), _runs(results), _outcomes(results), READING])


def ledgers(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the ledgers saved as CSV in a folder, by file name."""
    paths = sorted(folder.glob("*.csv"))
    return {path.stem: pd.read_csv(path, dtype={"claim": str, "clock": str}) for path in paths}


def _tests() -> str:
    lines = [_test(claim) for claim in LEDGER]
    return markdown.table(lines[0], ([cell or "" for cell in line.values()] for line in lines))


def _test(claim: Claim) -> dict[str, str | None]:
    return {
        "claim": claim.number,
        "source": claim.source,
        "statement": claim.statement,
        "statistic": claim.statistic,
        "holds if": RULES[claim.rule].format(f"{claim.delta:g}"),
        "gate": claim.gate,
        "counter-example": claim.counter_example,
        "the paper reports": claim.paper_value,
    }


def _runs(results: Results) -> str:
    """Return the window of each dataset, and how many claims were tested on it."""
    lines = [f"* **{name}**:{_window(judged)}{_tested(judged)}" for name, judged in results.items()]
    return "\n" + "\n".join(lines) + "\n"


def _outcomes(results: Results) -> str:
    """Return the table of estimates, intervals and verdicts by claim and dataset."""
    lines = []
    for claim in LEDGER:
        cells = {name: result(claim, row) for name, row in rows_of(claim, results).items()}
        lines.append([claim.number, claim.statement, f"{claim.delta:g}", *(cells.get(name, "") for name in results)])
    return markdown.table(["claim", "statement", "delta", *results], lines)


def _summary(results: Results) -> str:
    ours = [claim for claim in LEDGER if claim.number != CALIBRATED.number]
    paper = [claim for claim in ours if claim.source.startswith("Fig.")]
    others = [claim for claim in ours if claim not in paper]
    calibration = ", ".join(f"{name}: {outcome(row)}" for name, row in rows_of(CALIBRATED, results).items())
    return "\n\n".join(
        [
            f"**The paper's claims.** {summary(paper, results)}",
            f"**Claims of its reviewers and authors.** {summary(others, results)}",
            f"The calibration, an identity: {calibration}. A claim that fails by an unmet gate was not tested there: "
            "the networks had not learned, or not memorised, what it is about.",
        ]
    )


def _window(judged: pd.DataFrame) -> str:
    windows = list(judged["window"].dropna())
    return f" Window: {windows[0]}." if windows else ""


def _tested(judged: pd.DataFrame) -> str:
    tested = (judged["reason"] == "interval") & (judged["claim"] != CALIBRATED.number)
    return f" Tests in Holm's correction: {tested.sum()}."
