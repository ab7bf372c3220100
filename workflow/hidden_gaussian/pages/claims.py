"""The page of claims: what is tested and how, and the verdicts on the data sets that were run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hidden_gaussian.claims import CALIBRATED, LEDGER, Claim
from hidden_gaussian.pages import markdown
from hidden_gaussian.pages.claims_prose import Results, outcome, rows_of, standing, told

RULES = {"above": "interval above {}", "below": "equivalence: interval below {}", "covers": "interval covers {}"}
HEAD = """# Claims

What the paper (Li, Dai & Qu, NeurIPS 2024), its reviewers and its authors' replies claim, as tests: the statistic,
the smallest effect that matters (delta) or the bound of an equivalence, and the gate were fixed before any result was
seen. Generated from `hidden_gaussian/claims/` and from the ledgers in `docs/results/`, which are `tables/claims.csv`
of the runs.

A claim **holds** if the whole 95 % interval lies beyond delta (below it for an equivalence), in each of its parts. It
**fails** if the whole interval of one part lies on the other side, or if the gate is unmet: an untrained network agrees
perfectly with another one, so agreement counts only where the network has learned something. It is **undecided**
otherwise, and where it could not be tested: the study lacks the cells (reason `missing`), the window has one noise
level, so that there is no trend over it (`one level`, claim 3), or the linear maps were fitted with a ridge, which
draws them towards the Gaussian's (`ridge`; claims 1, 3, 4, 5, `cal`).
Each test has to call its counter-example a failure (`tests/test_claims_*.py`).

* *Window*: the noise levels where E|D_emp - D_G|^2, the squared distance of the empirical (memorising) denoiser to
  the Gaussian one, exceeds half its maximum; computed once a data set, at the N of its largest subset, which the
  settings declare, kept in the ledger (`window`), and shaded in figures over sigma. It is taken on **training**
  inputs. There both denoisers return the image at low noise and the mean at high noise, so that it ends on both
  sides. On held-out inputs the memoriser stays at a training image however low the noise, and half the maximum would
  reach down to the lowest level. Everything else is measured on held-out inputs unless said otherwise, with sums
  pooled over the window before any ratio.
* *Gates*: T, training loss in the window below that of the Gaussian denoiser; Q, the upper end of the ratio of
  held-out loss to the Gaussian's is below 1; M, the lower end of the memorised fraction is above the fraction of
  held-out photographs.
* *Intervals*: images and latents are resampled once and used in every cell (BCa, with Student's deviate); where images
  are mixed, whole rings of four that were mixed with each other. With several trainings a cell, their variance is
  pooled over the cells and enters by t; with one, the interval is "given these networks" and says nothing of another
  training, nor, where maps were fitted to the networks ("and fits"), of another fit.
* *Holm*: the verdict after correction over the claims that came to a test is given where it differs. Those that fail
  by a gate or could not be tested, and the calibration `cal`, have no p-value and are not counted.

## Tests

"""
RESULTS = """## Results

"""
READING = """## How to read them

**Why "linear = Gaussian" is uninformative on training inputs.** Let y = x + sigma e with x drawn from the training
images, and let D(y) = E[x | y] be *any* exact posterior mean. By the tower property E[D(y) y'] = E[x y'], so the best
affine approximation of D from y is the best affine estimator of x itself, which is the Gaussian (Wiener) denoiser D_G
of the training set. The empirical denoiser, which copies its training images, is such a posterior mean: distilled on
noised training images it gives D_G exactly, though it memorises perfectly. More generally the distilled map is D_G
whenever the error D(y) - x is uncorrelated with y, which training to a stationary point nearly enforces. That a
network distils to the Gaussian on its training inputs therefore says nothing on generalising; `cal` checks the
identity, and claims 4 and 5 use images that the network has not seen.

**Closeness to the Gaussian and generalising well are different axes**, so 4, 6 and 15 are read together. Where 15
holds, the network denoises better than its Gaussian: by structure that is not Gaussian, or by a better guess at the
covariance than its training images give; where 6 fails while its part rho holds, the trend with N is that of the
Gaussian itself, which converges as N grows and to which any fixed denoiser would seem to come nearer. Where 10 fails,
two networks agree no more than a network agrees with its own Gaussian, and the Gaussian may be all that they share.

**What these runs are not.** Images have 8x8 to 32x32 pixels, and the networks are small and shortly trained, on two
cores. Where most of a ledger fails by the gates T and Q, the networks have learned too little for the claims to be
tested, and the ledger shows that the machinery runs on that data, not that the claims are wrong. A claim that fails
here has not failed on FFHQ at 64x64 with 70 million images seen; its test on that scale is `config/paper.yaml`. A small
effect is called a failure when it is surely below delta, even where its sign is the paper's."""


def page(results: Results) -> str:
    """Return the page, as Markdown.

    Parameters
    ----------
    results : mapping of str to DataFrame
        Ledgers (the columns of ``schemas.CLAIMS``) by data set.
    """
    return "\n".join([HEAD + _tests(), RESULTS + _standing(results), _runs(results), _outcomes(results), READING])


def ledgers(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the ledgers that are kept as CSV in a folder, by their names."""
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
    """Return of each data set where its window is, and how many claims came to a test."""
    lines = [f"* **{name}**:{_window(judged)}{_tested(judged)}" for name, judged in results.items()]
    return "\n" + "\n".join(lines) + "\n"


def _outcomes(results: Results) -> str:
    """Return what became of each claim on each data set: estimate, interval and verdict."""
    lines = []
    for claim in LEDGER:
        found = {name: told(claim, row) for name, row in rows_of(claim, results).items()}
        lines.append([claim.number, claim.statement, f"{claim.delta:g}", *(found.get(name, "") for name in results)])
    return markdown.table(["claim", "statement", "delta", *results], lines)


def _standing(results: Results) -> str:
    ours = [claim for claim in LEDGER if claim.number != CALIBRATED.number]
    paper = [claim for claim in ours if claim.source.startswith("Fig.")]
    others = [claim for claim in ours if claim not in paper]
    calibration = ", ".join(f"{name}: {outcome(row)}" for name, row in rows_of(CALIBRATED, results).items())
    return "\n\n".join(
        [
            f"**Which of the paper's claims hold, and which do not.** {standing(paper, results)}",
            f"**Those of its reviewers and authors.** {standing(others, results)}",
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
