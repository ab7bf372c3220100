"""Verdicts in words: what became of each claim on each dataset, and which claims hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from hidden_gaussian.claims import Claim

HOLDS, INTERVAL, GATE = "holds", "fails by its interval", "fails by an unmet gate"
UNDECIDED, MISSING = "is undecided", "could not be tested"
EVERYWHERE, GATED = "Hold on every dataset that has their cells", "Hold wherever their gate is met"
DIVIDED, FAIL = "Hold on some datasets only", "Hold on no dataset, and fail by their interval"
UNSURE, UNTESTED = "Undecided wherever they were tested", "Not tested, because their gate is met on no dataset"
NOWHERE = "Not testable on any dataset"
KINDS = (EVERYWHERE, GATED, DIVIDED, FAIL, UNSURE, UNTESTED, NOWHERE)
Results = Mapping[str, pd.DataFrame]


def outcome(row: pd.Series) -> str:
    """Return the outcome of one claim: holds, fails (in one of two ways), undecided or not testable."""
    if row["reason"] not in ("interval", "gate"):
        return MISSING
    if row["verdict"] == "fails":
        return GATE if row["reason"] == "gate" else INTERVAL
    return HOLDS if row["verdict"] == "holds" else UNDECIDED


def rows_of(claim: Claim, results: Results) -> dict[str, pd.Series]:
    """Return the row of a claim for each dataset that has one."""
    matching = {name: judged[judged["claim"] == claim.number] for name, judged in results.items()}
    return {name: rows.iloc[0] for name, rows in matching.items() if len(rows)}


def gate_name(claim: Claim) -> str:
    """Return the letter of a gate, or ``its own`` for a gate that no other claim has."""
    gate = claim.gate or ""
    return gate[0] if gate[1:2] == ":" else "its own"


def number(row: pd.Series) -> str:
    """Return the estimate with its interval, preceded by the name of its part if the claim has several."""
    text = f"{row['estimate']:.3g} [{row['low']:.3g}, {row['high']:.3g}]"
    _, _, part = str(row["statistic"]).partition("; shown: ")
    return f"{part}: {text}" if part else text


def after_holm(row: pd.Series) -> str:
    """Return the verdict after Holm's correction, preceded by a comma, if it differs; else nothing."""
    return "" if row["verdict"] == row["verdict_holm"] else f", {row['verdict_holm']} after Holm"


def result(claim: Claim, row: pd.Series) -> str:
    """Return estimate, interval and outcome of a claim on one dataset, or why it could not be tested."""
    what = outcome(row)
    if what == MISSING:
        return f"{what} ({row['reason']})"
    gate = f" ({gate_name(claim)})" if what == GATE else ""
    bound = f" against {row['delta']:g}" if row["delta"] != claim.delta else ""  # a part may have its own delta
    return f"{number(row)}{bound} {what}{gate}{after_holm(row)}"


def summary(claims: Sequence[Claim], results: Results) -> str:
    """Return which claims hold, fail, and are undecided or untested, over all datasets."""
    by_kind: dict[str, list[str]] = {}
    for claim in claims:
        where: dict[str, list[str]] = {}
        for name, row in rows_of(claim, results).items():
            where.setdefault(outcome(row), []).append(name)
        tested = {what: names for what, names in where.items() if what in (HOLDS, INTERVAL, UNDECIDED)}
        kind = _kind(where)
        details = "; ".join(f"{what} on {enumerated(names)}" for what, names in tested.items())
        details = enumerated(where[HOLDS]) if kind == GATED else details
        shown = f"{claim.number} ({details})" if len(tested) > 1 or kind == GATED else claim.number
        by_kind.setdefault(kind, []).append(shown)
    return " ".join(f"{kind}: {', '.join(by_kind[kind])}." for kind in KINDS if kind in by_kind)


def _kind(where: Mapping[str, Sequence[str]]) -> str:
    if HOLDS in where:
        if INTERVAL in where or UNDECIDED in where:
            return DIVIDED
        return GATED if GATE in where else EVERYWHERE
    if INTERVAL in where:
        return FAIL
    if UNDECIDED in where:
        return UNSURE
    return UNTESTED if GATE in where else NOWHERE


def enumerated(names: Sequence[str]) -> str:
    """Return names as in a sentence: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
