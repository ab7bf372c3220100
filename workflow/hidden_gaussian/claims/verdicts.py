"""From an interval to a verdict: holds, fails, undecided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from hidden_gaussian.claims.evidence import Evidence, Missing
from hidden_gaussian.statistics import Estimate, bootstrap
from hidden_gaussian.storage import schemas

Verdict = Literal["holds", "fails", "undecided"]
Rule = Literal["above", "below", "covers"]


@dataclass(frozen=True)
class Part:
    """One statistic of a claim.

    Attributes
    ----------
    what : str
        What was computed.
    estimate : Estimate
    delta : float
    rule : str
        Holds if the whole interval is above `delta`, is below it (equivalence), or covers it (calibration).
    """

    what: str
    estimate: Estimate
    delta: float
    rule: Rule = "above"

    @property
    def verdict(self) -> Verdict:
        """Where the interval lies."""
        low, high = self.estimate.interval()
        if self.rule == "covers":
            return "holds" if low <= self.delta <= high else "fails"
        if low > self.delta:
            return "holds" if self.rule == "above" else "fails"
        if high < self.delta:
            return "fails" if self.rule == "above" else "holds"
        return "fails" if low == high else "undecided"

    @property
    def p_value(self) -> float:
        """Two-sided p-value of delta; the least there is where an estimate without any doubt is delta, and so fails."""
        return bootstrap.LEAST if self.estimate.interval() == (self.delta,) * 2 else self.estimate.p_value(self.delta)


@dataclass(frozen=True)
class Finding:
    """What the evidence says on a claim: all parts must hold, and the gate must be met."""

    parts: tuple[Part, ...]
    gate: bool = True
    clock: str | None = None

    @property
    def verdict(self) -> Verdict:
        """Fails if one part fails, holds if all hold."""
        verdicts = [part.verdict for part in self.parts]
        if "fails" in verdicts:
            return "fails"
        return "undecided" if "undecided" in verdicts else "holds"

    @property
    def deciding(self) -> Part:
        """The part that the verdict rests on: the weakest, or the clearest failure."""
        decisive = [part for part in self.parts if part.verdict == self.verdict]
        if self.verdict == "fails":
            return min(decisive, key=lambda part: part.p_value)
        return max(decisive, key=lambda part: part.p_value)

    @property
    def p_value(self) -> float:
        """P-value of the verdict; NaN where none was drawn from a test."""
        if not self.gate or self.deciding.rule == "covers":
            return float("nan")
        tests = len(self.parts) if self.verdict == "fails" else 1
        return min(1.0, tests * self.deciding.p_value)


@dataclass(frozen=True)
class Claim:
    """A claim as declared before any result is seen.

    Attributes
    ----------
    number, source, statement, statistic, gate, paper_value : str
        See ``schemas.CLAIMS``.
    delta : float
    find : callable
        Evidence in, Finding out; raises Missing.
    counter_example : str
        Measurements that look like the claim at first sight, and that its test has to call a failure.
    rule : str
        See :class:`Part`.
    """

    number: str
    source: str
    statement: str
    statistic: str
    delta: float
    find: Callable[[Evidence], Finding]
    gate: str | None = None
    paper_value: str | None = None
    counter_example: str = ""
    rule: Rule = "above"


def rows(claims: Sequence[Claim], evidence: Evidence) -> pd.DataFrame:
    """Judge claims, with Holm's correction over those that came to a test."""
    findings = [_find(claim, evidence) for claim in claims]
    p_values = bootstrap.holm([np.nan if isinstance(found, Missing) else found.p_value for found in findings])
    judged = [_row(*item) for item in zip(claims, findings, p_values, strict=True)]
    columns = [column.name for column in schemas.CLAIMS.columns]
    return pd.DataFrame(judged, columns=columns).assign(window=evidence.window_text)


def _find(claim: Claim, evidence: Evidence) -> Finding | Missing:
    try:
        return claim.find(evidence)
    except Missing as missing:
        return missing


def _row(claim: Claim, finding: Finding | Missing, p_value: float) -> dict[str, object]:
    row: dict[str, object] = {
        "claim": claim.number,
        "source": claim.source,
        "statement": claim.statement,
        "statistic": claim.statistic,
        "delta": claim.delta,
        "gate": claim.gate,
        "paper_value": claim.paper_value,
    }
    if isinstance(finding, Missing):
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
