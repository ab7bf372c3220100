"""From an interval to a verdict: what a claim declares, and what the evidence says about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hidden_gaussian.claims.evidence import Evidence
from hidden_gaussian.statistics import Estimate, bootstrap

Verdict = Literal["holds", "fails", "undecided"]
Rule = Literal["above", "below", "covers"]


@dataclass(frozen=True)
class Part:
    """One statistic of a claim.

    Attributes
    ----------
    what : str
        Name of the statistic, shown where a claim has several.
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
        """Two-sided p-value of delta; the smallest possible one if the interval is the single point delta."""
        return bootstrap.LEAST if self.estimate.interval() == (self.delta,) * 2 else self.estimate.p_value(self.delta)


@dataclass(frozen=True)
class Finding:
    """What the evidence says about a claim: all parts must hold, and the gate must be met."""

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
        """P-value of the verdict; NaN if the gate is unmet, and for a calibration."""
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
        Smallest effect that matters, or the bound of an equivalence.
    find : callable
        Maps Evidence to a Finding, or raises Untestable.
    counter_example : str
        Measurements that resemble the claim at first sight; the test must call them a failure.
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

    def part(self, estimate: Estimate, what: str = "") -> Part:
        """Return an estimate as a part that is judged by this claim's delta and rule."""
        return Part(what, estimate, self.delta, self.rule)
