"""The ledger: gates, missing evidence, what intervals cover, verdicts and Holm's correction."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import synthetic
from hidden_gaussian import claims
from hidden_gaussian.claims import Claim, Evidence, closeness, judge, linearity, samples
from hidden_gaussian.claims.verdicts import Finding, Part
from hidden_gaussian.pages import claims_prose
from hidden_gaussian.statistics import bootstrap, replicates
from hidden_gaussian.statistics.bootstrap import Estimate
from hidden_gaussian.storage import parquet, schemas
from hidden_gaussian.tables import gates
from synthetic import cell
from synthetic_evidence import SIZES, FixedEvidence, by_size, evidence, multiplied, small_halves

EMPTY = pd.DataFrame(columns=synthetic.COLUMNS)


def test_missing_cells_are_undecided() -> None:
    ledger = judge(Evidence(EMPTY, EMPTY, [], {}))
    assert set(ledger["verdict"]) == {"undecided"} == set(ledger["verdict_holm"])
    assert set(ledger["reason"]) == {"missing"}
    assert ledger["claim"].tolist() == [*(str(number) for number in range(1, 17)), "cal"]


def test_a_ridge_leaves_claims_on_linear_maps_unjudged() -> None:
    """A ridge draws the maps of any network towards the Gaussian's."""
    whole = by_size("empirical", "blend 0.6", "blend 0.2", copies=(1, 0, 0))
    plain, shrunk = (judge(one).set_index("claim") for one in (whole, replace(whole, ridge=0.1)))
    unjudged = ["1", "3", "4", "5", "cal"]
    assert not plain["reason"].eq("ridge").any()
    assert shrunk.index[shrunk["reason"] == "ridge"].tolist() == unjudged
    assert set(shrunk.loc[unjudged, "verdict"]) == {"undecided"} == set(shrunk.loc[unjudged, "verdict_holm"])
    assert shrunk.loc["6", "estimate"] == plain.loc["6", "estimate"]
    assert {claims_prose.outcome(row) for _, row in shrunk.loc[unjudged].iterrows()} == {claims_prose.MISSING}


def test_every_claim_declares_its_counter_example() -> None:
    assert all(claim.counter_example for claim in claims.LEDGER)
    assert {claim.number: claim.rule for claim in claims.LEDGER if claim.rule != "above"} == {
        "4": "below",
        "14": "below",
        "cal": "covers",
    }


def test_ledger_fits_its_table(tmp_path) -> None:
    ledger = judge(by_size("empirical", "blend 0.6", "blend 0.2", copies=(1, 0, 0)))
    parquet.write_table(tmp_path / "claims.parquet", ledger, schemas.CLAIMS)
    again = parquet.read_table(tmp_path / "claims.parquet", schemas.CLAIMS)
    assert again["verdict"].tolist() == ledger["verdict"].tolist()
    (window,) = set(again["window"])
    assert window == f"sigma {', '.join(f'{sigma:.3g}' for sigma in synthetic.SIGMAS[1:3])}, at N = 128 (half a)"
    covered = again.set_index("claim")["interval"]
    assert covered["6"] == "given these networks"
    assert set(covered[["1", "4", "5"]]) == {"given these networks and fits"}


def test_replicates_enter_the_interval() -> None:
    cells = [cell(size, replicate=index) for size in SIZES for index in (1, 2)]
    kinds = ["empirical", "blend 0.9", "blend 0.6", "blend 0.5", "blend 0.3", "blend 0.1"]
    networks = dict(zip(cells, kinds, strict=True))
    whole = evidence(networks, {"size": cells}, copies=dict.fromkeys(cells, 1))
    parts = [*closeness.nears(whole).parts, *linearity.memorising_breaks(whole).parts]
    assert {part.estimate.covers for part in parts} == {"images and trainings"}  # the spread includes that of fits


def test_several_groups_are_averaged() -> None:
    cells = [cell(8), cell(8, "b"), cell(8, scale=4), cell(8, "b", scale=4)]
    values = {one: np.full(bootstrap.POOLED, value) for one, value in zip(cells, (1.0, 3.0, 5.0, 11.0), strict=True)}
    over_cells = linearity.averaged(cells, values)
    over_pairs = samples.over_pairs(cells, lambda pair: values[pair[1]] - values[pair[0]])
    assert [replicates.combine(groups).value for groups in (over_cells, over_pairs)] == pytest.approx([5, 4])


def test_gate_t_uses_training_images_and_gate_q_others() -> None:
    one, whole = cell(128), by_size("law", "law", "law")
    unlearned, overfitted = (multiplied(whole, one.id, "loss", inputs=inputs) for inputs in ("train", "heldout"))
    met = [
        (gates.is_trained(made, [one]), gates.beats_gaussian(made, [one])) for made in (whole, unlearned, overfitted)
    ]
    assert met == [(True, True), (False, True), (True, False)]


def test_gate_q_uses_the_upper_end_in_every_cell() -> None:
    a, b = cell(8), cell(8, "b")
    sure, unsure = (bootstrap.pool(mean + np.linspace(-1, 1, 64), "x") for mean in (0.5, 0.95))
    assert gates.beats_gaussian(FixedEvidence(ratios={a.id: sure, b.id: sure}), [a, b])
    one_unsure = FixedEvidence(ratios={a.id: sure, b.id: unsure})
    assert not gates.beats_gaussian(one_unsure, [a, b])
    assert gates.is_trained(one_unsure, [a, b])  # gate T uses the estimate


def test_gate_m_uses_the_lower_end_against_photographs_in_every_cell() -> None:
    a, b = cell(8), cell(8, "b")
    copies = {"n8a/heldout": 10, "n8b/heldout": 10, a.id: 30, b.id: 13}
    counted = FixedEvidence(fractions={name: bootstrap.proportion(count, 100) for name, count in copies.items()})
    assert gates.memorises(counted, a)
    assert counted.fractions[b.id].value > 0.1 > counted.fractions[b.id].interval()[0] > 0
    assert not gates.memorises(counted, b)
    assert not gates.all_memorise(counted, [a, b])


def test_an_interval_on_one_side_of_delta_gives_a_verdict() -> None:
    def verdict(low: float, high: float, rule: str = "above") -> str:
        return Part("", Estimate((low + high) / 2, lambda level: (low, high)), 1.0, rule).verdict

    assert [verdict(1.1, 2), verdict(0, 0.9), verdict(0.5, 1.5)] == ["holds", "fails", "undecided"]
    below = [verdict(*ends, "below") for ends in ((1.1, 2), (0, 0.9), (0.5, 1.5))]
    assert below == ["fails", "holds", "undecided"]
    assert verdict(1, 1) == "fails"


def normal(what: str, value: float, delta: float = 0.0) -> Part:
    """A normal estimate with standard error 1."""
    return Part(what, Estimate(value, lambda level: stats.norm(value, 1).interval(level)), delta)


def judged(*findings: Finding) -> pd.DataFrame:
    """The ledger of claims with these findings."""
    made = [Claim(str(number), "", "", "both", 0.0, lambda _, one=one: one) for number, one in enumerate(findings)]
    return judge(small_halves(0.2, 1), made)


def test_a_verdict_rests_on_its_weakest_part_or_its_clearest_failure() -> None:
    clear, weak, fails, worse = (
        normal(*part) for part in (("clear", 3.1), ("weak", 2.2), ("fails", -2.2), ("worse", -2.9))
    )
    holds, failed = Finding((clear, weak)), Finding((clear, fails, worse))
    assert (holds.verdict, holds.deciding.what) == ("holds", "weak")
    assert holds.p_value == pytest.approx(2 * stats.norm.sf(2.2), rel=1e-3)
    assert (failed.verdict, failed.deciding.what) == ("fails", "worse")
    assert failed.p_value == pytest.approx(3 * 2 * stats.norm.sf(2.9), rel=1e-3)  # one of three may fail by chance
    assert math.isnan(replace(failed, gate=False).p_value)
    shown = judged(Finding((normal("first", 5.0), normal("second", 5.0, delta=2.5)))).iloc[0]
    assert shown[["delta", "statistic"]].tolist() == [2.5, "both; shown: second"]


def test_holm_makes_a_marginal_verdict_undecided() -> None:
    def finding(width: float) -> Finding:
        return Finding((Part("", Estimate(1.0, lambda level: (1 - width * level / 0.95, 1 + width)), 0.0),))

    ledger = judged(*[finding(0.99)] * 5)
    assert set(ledger["verdict"]) == {"holds"}
    assert set(ledger["verdict_holm"]) == {"undecided"}
    assert judged(finding(0.5))["verdict_holm"].tolist() == ["holds"]


def test_an_interval_that_is_the_point_delta_fails_by_both_verdicts() -> None:
    point = Part("", Estimate(1.0, lambda _: (1.0, 1.0)), 1.0)
    assert judged(Finding((point,)))[["verdict", "verdict_holm"]].iloc[0].tolist() == ["fails", "fails"]
