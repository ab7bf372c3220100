"""Claims about closeness to the Gaussian: examples that hold, counter-examples, gates, and missing evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hidden_gaussian.cells import Cell
from hidden_gaussian.claims import closeness
from hidden_gaussian.claims.evidence import Evidence
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.statistics.bootstrap import Estimate
from synthetic import cell
from synthetic_evidence import FixedEvidence, by_size, evidence, row, verdict


def test_nearer_with_size() -> None:
    assert verdict(closeness.NEARS, by_size("empirical", "blend 0.6", "blend 0.2")) == ("holds", True)
    assert verdict(closeness.NEARS, by_size("empirical", "empirical", "empirical")) == ("fails", True)
    fixed = closeness.nears(by_size("all", "all", "all"))
    assert fixed.verdict == "fails"
    assert [part.verdict for part in fixed.parts] == ["holds", "fails"]  # only rho* sees that D_G itself moves
    assert row("6", by_size("all", "all", "all"))["verdict"] == "fails"


def test_small_scale_is_nearer() -> None:
    small, large = cell(8, scale=4), cell(8, scale=16)

    def judged(of_small: str, of_large: str) -> Evidence:
        return evidence({small: of_small, large: of_large}, {"scale": [small, large]})

    assert verdict(closeness.SCALE, judged("blend 0.3", "blend 0.9")) == ("holds", True)
    assert verdict(closeness.SCALE, judged("blend 0.9", "blend 0.3")) == ("fails", True)
    assert row("7", judged("untrained", "blend 0.9"))["reason"] == "gate"
    unequal = [replace(small, images_seen=1000), large]
    assert row("7", evidence(dict.fromkeys(unequal, "law"), {"scale": unequal}))["reason"] == "missing"


def test_scales_are_compared_at_the_fewest_images_and_the_longest_common_training() -> None:
    trained = [(4, 1000), (4, 8000), (4, 64000), (8, 64000), (16, 1000), (16, 8000)]
    cells = [cell(size, scale=scale, seen=seen) for size in (8, 128) for scale, seen in trained]
    assert closeness.extreme_scales(FixedEvidence(cells)) == (
        [cell(8, scale=4, seen=8000)],
        [cell(8, scale=16, seen=8000)],
    )


def scale_and_time(small: str, large: str, early: str, late: str) -> Evidence:
    scales = [cell(8, scale=4), cell(8, scale=16)]
    times = [cell(8, seen=1000), cell(8, seen=8000)]
    return evidence(
        dict(zip([*scales, *times], [small, large, early, late], strict=True)), {"scale": scales, "time": times}
    )


def test_high_noise_is_undertraining() -> None:
    holds = scale_and_time("untrained", "law", "untrained", "law")
    assert verdict(closeness.UNDERTRAINED, holds) == ("holds", True)
    assert verdict(closeness.UNDERTRAINED, scale_and_time("law", "untrained", "law", "untrained")) == ("fails", True)
    one = closeness.is_undertraining(scale_and_time("untrained", "law", "law", "untrained"))
    assert [part.verdict for part in one.parts] == ["holds", "fails"]
    assert row("16", by_size("law", "law", "law"))["reason"] == "missing"


def test_what_changes_in_time_is_a_difference_within_each_training() -> None:
    """Two trainings at different levels that change equally: their spread is not part of the change."""
    scales = [cell(8, scale=4, replicate=9), cell(8, scale=16, replicate=9)]
    times = [cell(8, seen=seen, replicate=which) for which in (1, 2) for seen in (1000, 8000)]
    kinds = {one: {1: "untrained", 2: "law"}[one.replicate] for one in times}
    whole = evidence(dict.fromkeys(scales, "law") | kinds, {"scale": scales, "time": times})
    change = closeness.is_undertraining(whole).parts[1].estimate
    low, high = change.interval()
    assert -0.01 < low <= change.value <= high < 0.01


TIMES = (1000, 8000, 64000)


def in_time(kinds: Sequence[str], copies: Sequence[float], more: dict[Cell, str] | None = None) -> Evidence:
    """A run of three checkpoints, beside further networks that are in no sweep."""
    cells = [cell(8, seen=seen) for seen in TIMES]
    networks = dict(zip(cells, kinds, strict=True)) | (more or {})
    return evidence(networks, {"time": cells}, copies=dict(zip(cells, copies, strict=True)))


@pytest.mark.parametrize(
    ("kinds", "copies", "expected"),
    [
        (("blend 0.8", "blend 0.2", "empirical"), (0, 0, 1), ("holds", True)),
        (("blend 0.8", "blend 0.5", "blend 0.2"), (0, 0, 1), ("fails", False)),  # a monotone series
        (("blend 0.2", "blend 0.5", "blend 0.8"), (0, 0, 1), ("fails", True)),
        (("blend 0.8", "blend 0.2", "empirical"), (0, 1, 1), ("holds", False)),  # memorised by then
        (("blend 0.8", "blend 0.2", "empirical"), (0, 0, 0), ("holds", False)),  # never memorises
    ],
)
def test_minimum_in_time(kinds: Sequence[str], copies: Sequence[float], expected: tuple[str, bool]) -> None:
    assert verdict(closeness.TIME, in_time(kinds, copies)) == expected


NO_COPIES, COPIES = (bootstrap.proportion(hits, 100) for hits in (0, 100))


def test_a_minimum_is_picked_and_measured_on_different_images() -> None:
    cells = [cell(8, seen=seen) for seen in TIMES]
    names = [one.id for one in cells]
    fractions = dict(zip(names, (NO_COPIES, NO_COPIES, COPIES), strict=True)) | {"n8a/heldout": NO_COPIES}
    picked, tested = (1.0, 0.2, 0.5), (1.0, 0.6, 0.5)
    rho = dict(zip(names, zip(picked, tested, strict=True), strict=True))
    finding = closeness.turns_back(FixedEvidence(cells, fractions=fractions, rho=rho))
    assert finding.parts[0].estimate.value == pytest.approx(0.5 - 0.6)
    assert finding.gate


@pytest.mark.parametrize("first", [NO_COPIES, COPIES])
def test_every_run_has_to_turn_before_it_memorises(first: Estimate) -> None:
    runs = [[cell(8, seen=seen, replicate=which) for seen in TIMES] for which in (1, 2)]
    rho = {one.id: (value, value) for run in runs for one, value in zip(run, (0.8, 0.2, 0.9), strict=True)}
    fractions = dict.fromkeys(["n8a/heldout", *rho], NO_COPIES) | {runs[0][2].id: first, runs[1][2].id: COPIES}
    whole = FixedEvidence([*runs[0], *runs[1]], fractions=fractions, rho=rho)
    assert closeness.turns_back(whole).gate == (first is COPIES)


def test_clock_compares_with_the_largest_size() -> None:
    kinds = ("blend 0.8", "blend 0.3", "blend 0.1")
    many = {cell(128, seen=seen): kind for seen, kind in zip(TIMES, kinds, strict=True)}
    clock = row("8", in_time(("blend 0.8", "blend 0.2", "empirical"), (0, 0, 1), many))["clock"]
    assert clock == (
        "minimum at 8000 images seen; at N = 128, of 3 snapshots: 64000; memorising begins between 8000 and 64000"
    )


@pytest.mark.parametrize(
    ("copies", "expected"),
    [((1, 1, 1), "by 1000"), ((0, 1, 1), "between 1000 and 8000"), ((0, 0, 0), "after 64000, if at all")],
)
def test_onset_of_memorising_is_a_bracket(copies: Sequence[float], expected: str) -> None:
    clock = closeness.turns_back(in_time(["law"] * 3, copies)).clock
    assert str(clock).endswith(f"; memorising begins {expected}")
