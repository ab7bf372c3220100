"""The paper's claims as tests: statistic, smallest effect that matters and gate are declared before the results."""

from __future__ import annotations

import pandas as pd

from hidden_gaussian.claims import closeness, linearity, samples, verdicts
from hidden_gaussian.claims.evidence import QUANTITIES, Evidence, Missing
from hidden_gaussian.claims.verdicts import Claim

__all__ = ["LEDGER", "QUANTITIES", "Claim", "Evidence", "Missing", "judge"]

LEDGER: tuple[Claim, ...] = (
    linearity.GROWS,
    linearity.MIDDLE,
    linearity.RESIDUAL,
    linearity.GAUSSIAN,
    linearity.BREAKS,
    closeness.NEARS,
    closeness.SCALE,
    closeness.TIME,
    samples.AGREE,
    samples.BEYOND,
    samples.DIFFER,
    samples.RETURNS,
    samples.MEMORISES,
    samples.MOMENTS,
    samples.MORE,
    closeness.UNDERTRAINED,
    linearity.CALIBRATED,
)


def judge(evidence: Evidence) -> pd.DataFrame:
    """Judge every claim of the ledger.

    Parameters
    ----------
    evidence : Evidence
        Shards of one dataset.

    Returns
    -------
    DataFrame with the columns of ``schemas.CLAIMS``
        One row a claim: ``holds`` if the whole interval lies beyond delta (below it for an equivalence), ``fails`` if
        it lies on the other side or the gate is unmet, ``undecided`` otherwise or if there is nothing to
        test; in ``verdict_holm`` the same after Holm's correction over the claims that came to a test.
    """
    return verdicts.rows(LEDGER, evidence)
