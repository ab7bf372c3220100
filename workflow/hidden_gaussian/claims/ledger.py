"""All claims in order, and the rows that judging them gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hidden_gaussian.claims import closeness, linearity, samples
from hidden_gaussian.claims.evidence import Evidence, Untestable
from hidden_gaussian.claims.verdicts import Claim, Finding
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.storage import schemas

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


def judge(evidence: Evidence, claims: Sequence[Claim] = LEDGER) -> pd.DataFrame:
    """Judge claims on the evidence of one dataset.

    Parameters
    ----------
    evidence : Evidence
        Shards of the dataset.
    claims : sequence of Claim
        The ledger, unless others are given.

    Returns
    -------
    DataFrame with the columns of ``schemas.CLAIMS``
        One row per claim. It ``holds`` if the whole interval lies beyond delta (below it for an equivalence), and
        ``fails`` if the interval lies on the other side or the gate is unmet. It is ``undecided`` otherwise, and where
        it cannot be tested. ``verdict_holm`` is the verdict after Holm's correction over the claims that were tested.
    """
    findings = [_find(claim, evidence) for claim in claims]
    p_values = bootstrap.holm([found.p_value if isinstance(found, Finding) else np.nan for found in findings])
    rows = [_row(*item) for item in zip(claims, findings, p_values, strict=True)]
    columns = [column.name for column in schemas.CLAIMS.columns]
    return pd.DataFrame(rows, columns=columns).assign(window=evidence.window_text)


def _find(claim: Claim, evidence: Evidence) -> Finding | Untestable:
    try:
        return claim.find(evidence)
    except Untestable as untestable:
        return untestable


def _row(claim: Claim, finding: Finding | Untestable, p_value: float) -> dict[str, object]:
    names = ("source", "statement", "statistic", "delta", "gate", "paper_value")
    row: dict[str, object] = {"claim": claim.number, **{name: getattr(claim, name) for name in names}}
    if isinstance(finding, Untestable):
        return row | {"verdict": "undecided", "verdict_holm": "undecided", "reason": finding.reason}
    part, verdict = finding.deciding, finding.verdict if finding.gate else "fails"
    low, high = part.estimate.interval()
    if len(finding.parts) > 1:
        row["statistic"] = f"{claim.statistic}; shown: {part.what}"
    return row | {
        "delta": part.delta,
        "estimate": part.estimate.value,
        "low": low,
        "high": high,
        "interval": part.estimate.covers,
        "verdict": verdict,
        "verdict_holm": "undecided" if p_value > 1 - bootstrap.LEVEL else verdict,
        "reason": "interval" if finding.gate else "gate",
        "clock": finding.clock,
    }
