"""Claims on how near networks are to the Gaussian: examples that hold, counter-examples, gates, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hidden_gaussian.claims import closeness
from hidden_gaussian.claims.evidence import Evidence
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.statistics.bootstrap import Estimate
from synthetic import cell
from synthetic_evidence import Told, by_size, evidence, row, verdict


def test_nearer_with_size() -> None:
    assert verdict(closeness.NEARS, by_size("empirical", "blend 0.6", "blend 0.2")) == ("holds", True)
    assert verdict(closeness.NEARS, by_size("empirical", "empirical", "empirical")) == ("fails", True)
    fixed = closeness.nears(by_size("all", "all", "all"))
    assert fixed.verdict == "fails"
    assert [part.verdict for part in fixed.parts] == ["holds", "fails"]  # only rho* sees that D_G itself moves
    assert row("6", by_size("all", "all", "all"))["verdict"] == "fails"


def test_small_scale_is_nearer() -> None:
    small, large = cell(8, scale=4), cell(8, scale=16)
    sweeps = {"scale": [small, large]}
    assert verdict(closeness.SCALE, evidence({small: "blend 0.3", large: "blend 0.9"}, sweeps)) == ("holds", True)
    assert verdict(closeness.SCALE, evidence({small: "blend 0.9", large: "blend 0.3"}, sweeps)) == ("fails", True)
    assert row("7", evidence({small: "untrained", large: "blend 0.9"}, sweeps))["reason"] == "gate"


def test_small_scale_needs_equal_images_seen() -> None:
    small, large = cell(8, scale=4, seen=1000), cell(8, scale=16)
    unequal = evidence({small: "blend 0.3", large: "blend 0.9"}, {"scale": [small, large]})
    assert row("7", unequal)["reason"] == "missing"


def test_scales_are_compared_at_the_fewest_images_and_the_longest_common_training() -> None:
    trained = [(4, 1000), (4, 8000), (4, 64000), (8, 64000), (16, 1000), (16, 8000)]
    cells = [cell(size, scale=scale, seen=seen) for size in (8, 128) for scale, seen in trained]
    assert closeness.extreme_scales(Told(cells)) == ([cell(8, scale=4, seen=8000)], [cell(8, scale=16, seen=8000)])


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
    """Two trainings of different levels that change alike: their spread is none of the change."""
    scales = [cell(8, scale=4, replicate=9), cell(8, scale=16, replicate=9)]
    times = [cell(8, seen=seen, replicate=which) for which in (1, 2) for seen in (1000, 8000)]
    kinds = {one: {1: "untrained", 2: "law"}[one.replicate] for one in times}
    given = evidence(dict.fromkeys(scales, "law") | kinds, {"scale": scales, "time": times})
    change = closeness.is_undertraining(given).parts[1].estimate
    low, high = change.interval()
    assert -0.01 < low <= change.value <= high < 0.01


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
    cells = [cell(8, seen=seen) for seen in (1000, 8000, 64000)]
    run = evidence(dict(zip(cells, kinds, strict=True)), {"time": cells}, copies=dict(zip(cells, copies, strict=True)))
    assert verdict(closeness.TIME, run) == expected


NO_COPIES, COPIES = (bootstrap.proportion(hits, 100) for hits in (0, 100))


def test_minimum_is_picked_on_other_images_than_it_is_measured_on() -> None:
    cells = [cell(8, seen=seen) for seen in (1000, 8000, 64000)]
    names = [one.id for one in cells]
    fractions = dict(zip(names, (NO_COPIES, NO_COPIES, COPIES), strict=True)) | {"n8a/heldout": NO_COPIES}
    picked, tested = (1.0, 0.2, 0.5), (1.0, 0.6, 0.5)
    rho = dict(zip(names, zip(picked, tested, strict=True), strict=True))
    found = closeness.turns_back(Told(cells, fractions=fractions, rho=rho))
    assert found.parts[0].estimate.value == pytest.approx(0.5 - 0.6)
    assert found.gate


@pytest.mark.parametrize("first", [NO_COPIES, COPIES])
def test_every_run_has_to_turn_before_it_memorises(first: Estimate) -> None:
    runs = [[cell(8, seen=seen, replicate=which) for seen in (1000, 8000, 64000)] for which in (1, 2)]
    rho = {one.id: (value, value) for run in runs for one, value in zip(run, (0.8, 0.2, 0.9), strict=True)}
    fractions = dict.fromkeys(["n8a/heldout", *rho], NO_COPIES) | {runs[0][2].id: first, runs[1][2].id: COPIES}
    assert closeness.turns_back(Told([*runs[0], *runs[1]], fractions=fractions, rho=rho)).gate == (first is COPIES)


def test_clock_compares_with_the_largest_size() -> None:
    seen = (1000, 8000, 64000)
    few, many = [cell(8, seen=one) for one in seen], [cell(128, seen=one) for one in seen]
    networks = dict(zip([*few, *many], ["blend 0.8", "blend 0.2", "empirical"] * 2, strict=True))
    networks[many[1]], networks[many[2]] = "blend 0.3", "blend 0.1"
    found = row("8", evidence(networks, {"time": few}, copies=dict(zip(few, (0, 0, 1), strict=True))))
    minima, onset = found["clock"].rsplit("; ", 1)
    assert minima == "minimum at 8000 images seen; at N = 128, of 3 snapshots: 64000"
    assert onset == "memorising begins between 8000 and 64000"


@pytest.mark.parametrize(
    ("copies", "expected"),
    [((1, 1, 1), "by 1000"), ((0, 1, 1), "between 1000 and 8000"), ((0, 0, 0), "after 64000, if at all")],
)
def test_onset_of_memorising_is_told_as_a_bracket(copies: Sequence[float], expected: str) -> None:
    cells = [cell(8, seen=seen) for seen in (1000, 8000, 64000)]
    run = evidence(dict.fromkeys(cells, "law"), {"time": cells}, copies=dict(zip(cells, copies, strict=True)))
    assert str(closeness.turns_back(run).clock).endswith(f"; memorising begins {expected}")
