"""The ledger: gates, what is missing, what an interval covers, and what a verdict and Holm's correction make of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import synthetic
from hidden_gaussian import claims
from hidden_gaussian.claims import closeness, linearity, samples, verdicts
from hidden_gaussian.claims.evidence import Evidence
from hidden_gaussian.pages import claims_prose
from hidden_gaussian.statistics import bootstrap, replicates
from hidden_gaussian.statistics.bootstrap import Estimate
from hidden_gaussian.storage import parquet, schemas
from hidden_gaussian.tables import gates
from synthetic import cell
from synthetic_evidence import SIZES, Told, by_size, evidence, multiplied, small_halves

EMPTY = pd.DataFrame(columns=synthetic.COLUMNS)


def test_missing_cells_are_undecided() -> None:
    nothing = Evidence(EMPTY, EMPTY, pd.DataFrame(), [], {})
    ledger = claims.judge(nothing)
    assert set(ledger["verdict"]) == {"undecided"} == set(ledger["verdict_holm"])
    assert set(ledger["reason"]) == {"missing"}
    assert ledger["claim"].tolist() == [*(str(number) for number in range(1, 17)), "cal"]


def test_a_ridge_leaves_claims_on_linear_maps_unjudged() -> None:
    """With it the maps of any network come out near the Gaussian's."""
    given = by_size("empirical", "blend 0.6", "blend 0.2", copies=(1, 0, 0))
    plain, shrunk = (claims.judge(one).set_index("claim") for one in (given, replace(given, ridge=0.1)))
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
    ledger = claims.judge(by_size("empirical", "blend 0.6", "blend 0.2", copies=(1, 0, 0)))
    parquet.write_table(tmp_path / "claims.parquet", ledger, schemas.CLAIMS)
    again = parquet.read_table(tmp_path / "claims.parquet", schemas.CLAIMS)
    assert again["verdict"].tolist() == ledger["verdict"].tolist()
    (window,) = set(again["window"])
    assert window == f"sigma {', '.join(f'{sigma:.3g}' for sigma in synthetic.SIGMAS[1:3])}, at N = 128 (half a)"
    given = again.set_index("claim")["interval"]
    assert given["6"] == "given these networks"
    assert set(given[["1", "4", "5"]]) == {"given these networks and fits"}


def test_replicates_enter_the_interval() -> None:
    cells = [cell(size, replicate=index) for size in SIZES for index in (1, 2)]
    kinds = ["empirical", "blend 0.9", "blend 0.6", "blend 0.5", "blend 0.3", "blend 0.1"]
    several = closeness.nears(evidence(dict(zip(cells, kinds, strict=True)), {"size": cells}))
    assert {part.estimate.covers for part in several.parts} == {"images and trainings"}
    fitted = linearity.memorising_breaks(
        evidence(dict(zip(cells, kinds, strict=True)), {"size": cells}, copies=dict.fromkeys(cells, 1))
    )
    assert {part.estimate.covers for part in fitted.parts} == {"images and trainings"}  # whose spread has that of fits


def test_several_groups_are_averaged() -> None:
    cells = [cell(8), cell(8, "b"), cell(8, scale=4), cell(8, "b", scale=4)]
    found = {one: np.full(bootstrap.POOLED, value) for one, value in zip(cells, (1.0, 3.0, 5.0, 11.0), strict=True)}
    over_cells = linearity.averaged(cells, found)
    over_pairs = samples.over_pairs(cells, lambda pair: found[pair[1]] - found[pair[0]])
    assert [replicates.combine(groups).value for groups in (over_cells, over_pairs)] == pytest.approx([5, 4])


def test_gate_t_is_of_training_images_and_gate_q_of_others() -> None:
    one, given = cell(128), by_size("law", "law", "law")
    unlearned, overfitted = (multiplied(given, one.id, "loss", inputs=inputs) for inputs in ("train", "heldout"))
    met = [
        (gates.is_trained(made, [one]), gates.beats_gaussian(made, [one])) for made in (given, unlearned, overfitted)
    ]
    assert met == [(True, True), (False, True), (True, False)]


def test_gate_q_is_of_the_upper_end_and_of_every_cell() -> None:
    a, b = cell(8), cell(8, "b")
    sure, unsure = (bootstrap.pool(mean + np.linspace(-1, 1, 64), "x") for mean in (0.5, 0.95))
    assert gates.beats_gaussian(Told(ratios={a.id: sure, b.id: sure}), [a, b])
    given = Told(ratios={a.id: sure, b.id: unsure})
    assert not gates.beats_gaussian(given, [a, b])
    assert gates.is_trained(given, [a, b])  # gate T is of the estimate


def test_gate_m_is_of_the_lower_end_against_photographs_and_of_every_cell() -> None:
    a, b = cell(8), cell(8, "b")
    copies = {"n8a/heldout": 10, "n8b/heldout": 10, a.id: 30, b.id: 13}
    given = Told(fractions={name: bootstrap.proportion(count, 100) for name, count in copies.items()})
    assert gates.memorises(given, a)
    assert given.fractions[b.id].value > 0.1 > given.fractions[b.id].interval()[0] > 0
    assert not gates.memorises(given, b)
    assert not gates.all_memorise(given, [a, b])


def test_delta_lies_outside_for_a_verdict() -> None:
    def part(low: float, high: float, rule: str = "above") -> str:
        return verdicts.Part("", Estimate((low + high) / 2, lambda level: (low, high)), 1.0, rule).verdict

    assert [part(1.1, 2), part(0, 0.9), part(0.5, 1.5)] == ["holds", "fails", "undecided"]
    assert [part(1.1, 2, "below"), part(0, 0.9, "below"), part(0.5, 1.5, "below")] == ["fails", "holds", "undecided"]
    assert part(1, 1) == "fails"


def part(what: str, value: float, delta: float = 0.0) -> verdicts.Part:
    """A normal estimate of standard error 1."""
    return verdicts.Part(what, Estimate(value, lambda level: stats.norm(value, 1).interval(level)), delta)


def test_a_verdict_rests_on_its_weakest_part_or_its_clearest_failure() -> None:
    clear, weak, fails, worse = part("clear", 3.1), part("weak", 2.2), part("fails", -2.2), part("worse", -2.9)
    holds, failed = verdicts.Finding((clear, weak)), verdicts.Finding((clear, fails, worse))
    assert (holds.verdict, holds.deciding.what) == ("holds", "weak")
    assert holds.p_value == pytest.approx(2 * stats.norm.sf(2.2), rel=1e-3)
    assert (failed.verdict, failed.deciding.what) == ("fails", "worse")
    assert failed.p_value == pytest.approx(3 * 2 * stats.norm.sf(2.9), rel=1e-3)  # one of three may fail by chance
    assert math.isnan(replace(failed, gate=False).p_value)


def test_a_claim_shows_delta_of_the_part_that_decides() -> None:
    found = verdicts.Finding((part("first", 5.0), part("second", 5.0, delta=2.5)))
    claim = verdicts.Claim("0", "", "", "both", 0.0, lambda _: found)
    shown = verdicts.rows([claim], small_halves(0.2, 1)).iloc[0]
    assert shown[["delta", "statistic"]].tolist() == [2.5, "both; shown: second"]


def test_holm_takes_back_a_marginal_verdict() -> None:
    def claim(number: str, width: float) -> verdicts.Claim:
        estimate = Estimate(1.0, lambda level: (1 - width * level / 0.95, 1 + width))
        found = verdicts.Finding((verdicts.Part("", estimate, 0.0),))
        return verdicts.Claim(number, "", "", "", 0.0, lambda _: found)

    ledger = verdicts.rows([claim(str(number), 0.99) for number in range(5)], small_halves(0.2, 1))
    assert set(ledger["verdict"]) == {"holds"}
    assert set(ledger["verdict_holm"]) == {"undecided"}
    clear = verdicts.rows([claim("0", 0.5)], small_halves(0.2, 1))
    assert clear["verdict_holm"].tolist() == ["holds"]


def test_an_estimate_that_is_delta_beyond_doubt_fails_by_both_verdicts() -> None:
    part = verdicts.Part("", Estimate(1.0, lambda _: (1.0, 1.0)), 1.0)
    claim = verdicts.Claim("0", "", "", "", 1.0, lambda _: verdicts.Finding((part,)))
    row = verdicts.rows([claim], small_halves(0.2, 1)).iloc[0]
    assert (row["verdict"], row["verdict_holm"]) == ("fails", "fails")
