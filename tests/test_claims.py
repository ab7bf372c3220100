"""Every claim: an example that holds, the counter-examples that have to fail, gates, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic
from scipy import stats
from synthetic import cell

from hidden_gaussian import claims, schemas, spectrum, tables
from hidden_gaussian.cells import Cell
from hidden_gaussian.claims import closeness, linearity, samples, verdicts
from hidden_gaussian.claims.evidence import Evidence, Missing
from hidden_gaussian.moments import Standard
from hidden_gaussian.statistics import Estimate

SIZES = (8, 32, 128)
EMPTY = pd.DataFrame(columns=synthetic.COLUMNS)


def evidence(
    networks: Mapping[Cell, str],
    sweeps: Mapping[str, Sequence[Cell]],
    *,
    copies: Mapping[Cell, float] | None = None,
    agreements: Mapping[tuple[str, str], float] | None = None,
    references: Mapping[str, str] | None = None,
) -> Evidence:
    """Shards of networks played by named denoisers, with the references of their subsets."""
    subsets = sorted({network.subset for network in networks} | {"n128a"})
    played = {f"{subset}/{kind}": kind for subset in subsets for kind in ("gaussian", "empirical")}
    played |= {network.id: kind for network, kind in networks.items()} | dict(references or {})
    measured = [synthetic.measures(identifier, kind) for identifier, kind in played.items()]
    found = [synthetic.memorisation(network.id, share) for network, share in (copies or {}).items()]
    found += [synthetic.memorisation(f"{subset}/heldout", 0, "photographs") for subset in subsets]
    alike = [synthetic.agreement(first, second, r) for (first, second), r in (agreements or {}).items()]
    return Evidence(pd.concat(measured), pd.concat([*found, *alike]), pd.DataFrame(), [*networks], sweeps)


def by_size(*kinds: str, copies: Sequence[float] = (0, 0, 0), **references: str) -> Evidence:
    """A size sweep."""
    cells = [cell(size) for size in SIZES]
    named = {name.replace("_", "/"): kind for name, kind in references.items()}
    networks = dict(zip(cells, kinds, strict=True))
    return evidence(networks, {"size": cells}, copies=dict(zip(cells, copies, strict=True)), references=named)


def test_linearity_grows_with_size() -> None:
    assert verdict(linearity.GROWS, by_size("empirical", "blend 0.6", "blend 0.3")) == ("holds", True)
    assert verdict(linearity.GROWS, by_size("empirical", "empirical", "empirical")) == ("fails", True)
    assert verdict(linearity.GROWS, by_size("empirical", "blend 0.6", "untrained"))[1] is False


def test_least_linear_in_the_middle() -> None:
    assert verdict(linearity.MIDDLE, by_size("law", "law", "law")) == ("holds", True)
    assert verdict(linearity.MIDDLE, by_size("gaussian", "gaussian", "gaussian")) == ("fails", True)
    one_end = linearity.least_in_the_middle(by_size("law", "law", "gaussian"))
    assert [(part.what, part.verdict) for part in one_end.parts] == [("N = 8", "holds"), ("N = 128", "fails")]


def test_middle_needs_levels_on_both_sides() -> None:
    whole = by_size("law", "law", "law")
    above = replace(whole, measures=whole.measures[whole.measures["sigma"] > min(synthetic.SIGMAS)])
    assert row("2", above)["reason"] == "missing"


def test_residual_linearity_falls() -> None:
    assert verdict(linearity.RESIDUAL, by_size("law", "law", "law")) == ("holds", True)
    assert verdict(linearity.RESIDUAL, by_size("gaussian", "gaussian", "gaussian")) == ("fails", True)
    assert verdict(linearity.RESIDUAL, by_size("law", "law", "untrained")) == ("fails", True)


def test_generalising_distils_to_gaussian() -> None:
    assert verdict(linearity.GAUSSIAN, by_size("law", "law", "law")) == ("holds", True)
    assert verdict(linearity.GAUSSIAN, by_size("law", "law", "shrunk 0.35")) == ("fails", True)
    assert linearity.distils_to_gaussian(by_size("law", "law", "stationary")).verdict == "fails"  # by its interval
    assert row("4", by_size("law", "law", "gaussian"))["reason"] == "gate"


def test_memorising_breaks_distillation() -> None:
    assert verdict(linearity.BREAKS, by_size("shrunk 0.6", "law", "law", copies=(1, 0, 0))) == ("holds", True)
    assert verdict(linearity.BREAKS, by_size("gaussian", "gaussian", "gaussian", copies=(1, 0, 0))) == ("fails", True)
    assert row("5", by_size("shrunk 0.6", "law", "law"))["reason"] == "gate"


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


def test_clock_compares_with_the_largest_size() -> None:
    seen = (1000, 8000, 64000)
    few, many = [cell(8, seen=one) for one in seen], [cell(128, seen=one) for one in seen]
    networks = dict(zip([*few, *many], ["blend 0.8", "blend 0.2", "empirical"] * 2, strict=True))
    networks[many[1]], networks[many[2]] = "blend 0.3", "blend 0.1"
    found = row("8", evidence(networks, {"time": few}, copies=dict(zip(few, (0, 0, 1), strict=True))))
    assert found["clock"] == "minimum at 8000 images seen; at N = 128, of 3 snapshots: 64000"


def halves(size: int, kind: str, pair: float, *, memoriser: float = 0.2, whole: float = 0.9, seen: int = 64000):
    """Two networks of disjoint halves, their nulls, and how alike their samples are."""
    a, b = cell(size, "a", seen=seen), cell(size, "b", seen=seen)
    alike = {(b.id, a.id): pair}  # the shard of half b holds the comparison
    alike |= {
        (f"{a.subset}/{name}", f"{b.subset}/{name}"): r for name, r in (("empirical", memoriser), ("gaussian", whole))
    }
    return [a, b], dict.fromkeys([a, b], kind), alike


def large_halves(kind: str, pair: float, memoriser: float = 0.2) -> Evidence:
    cells, networks, alike = halves(128, kind, pair, memoriser=memoriser)
    made = evidence(networks, {"halves_large": cells}, agreements=alike)
    shifted = synthetic.agreement(cells[0].id, cells[0].id, 0.0, parameter="shift", at=1.0)
    return replace(made, samples=pd.concat([made.samples, shifted]))


def test_large_halves_agree() -> None:
    assert verdict(samples.AGREE, large_halves("law", 0.9)) == ("holds", True)
    assert samples.halves_agree(large_halves("empirical", 0.2)).verdict == "fails"
    assert verdict(samples.AGREE, large_halves("law", 0.9, memoriser=0.9)) == ("fails", True)
    assert row("9", large_halves("untrained", 1.0))[["verdict", "reason"]].tolist() == ["fails", "gate"]


def test_other_latents_are_a_null_too() -> None:
    with pytest.raises(Missing):
        cells, networks, alike = halves(128, "law", 0.9)
        samples.halves_agree(evidence(networks, {"halves_large": cells}, agreements=alike))


def large_halves_and_own(kind: str, pair: float, own: float) -> Evidence:
    made = large_halves(kind, pair)
    first = made.cells[0]
    compared = synthetic.agreement(first.id, f"{first.subset}/gaussian", own)
    exact = synthetic.agreement(first.id, f"{first.subset}/gaussian/exact", 0.5)  # has no part in the claim
    return replace(made, samples=pd.concat([made.samples, compared, exact]))


def test_agreement_beyond_the_gaussian() -> None:
    assert verdict(samples.BEYOND, large_halves_and_own("law", 0.95, 0.85)) == ("holds", True)
    assert samples.beyond_gaussian(large_halves_and_own("gaussian", 0.95, 1.0)).verdict == "fails"
    assert row("10", large_halves_and_own("untrained", 1.0, 0.5))[["verdict", "reason"]].tolist() == ["fails", "gate"]
    assert row("10", large_halves("law", 0.95))["reason"] == "missing"


def small_halves(pair: float, copies: float) -> Evidence:
    cells, networks, alike = halves(8, "empirical", pair)
    return evidence(networks, {"halves_small": cells}, agreements=alike, copies=dict.fromkeys(cells, copies))


def test_small_halves_differ() -> None:
    assert verdict(samples.DIFFER, small_halves(0.2, copies=1)) == ("holds", True)
    assert verdict(samples.DIFFER, small_halves(0.9, copies=1)) == ("fails", True)  # as two Gaussians do
    assert row("11", small_halves(0.2, copies=0))["reason"] == "gate"


def stopped(kind: str, pair: float) -> Evidence:
    full, networks, alike = halves(8, "empirical", 0.2)
    early, more, again = halves(8, kind, pair, seen=4000)
    sweeps = {"halves_small": full, "halves_stopped": early}
    return evidence(networks | more, sweeps, agreements=again | alike)


def test_stopping_restores_agreement() -> None:
    assert verdict(samples.RETURNS, stopped("law", 0.9)) == ("holds", True)
    assert verdict(samples.RETURNS, stopped("law", 0.2)) == ("fails", True)
    assert row("12", stopped("untrained", 1.0))[["verdict", "reason"]].tolist() == ["fails", "gate"]


def drawn_by(kind: str, count: int = 400) -> np.ndarray:
    """Samples for eight training images: copies, of their Gaussian, or other images of the law."""
    training, generator = synthetic.images("n8a"), np.random.default_rng(8)
    copies = training[generator.integers(len(training), size=count)]
    return {
        "copies": copies + 0.01 * generator.normal(size=copies.shape),
        "gaussian": generator.multivariate_normal(training.mean(0), np.cov(training.T, bias=True), count),
        "heldout": synthetic.law(count, 9),
        "stationary": training.mean(0) + training.std() * generator.normal(size=(count, synthetic.DIMENSION)),
    }[kind]


def sampled(kind: str) -> Evidence:
    """A size sweep whose smallest network draws such samples, beside photographs of the law."""
    made = by_size("law", "law", "law")
    drawn = synthetic.neighbours(cell(8).id, drawn_by(kind))
    photographs = synthetic.neighbours("n8a/heldout", synthetic.law(400, 10), "photographs")
    others = made.samples[~made.samples["id"].isin([cell(8).id, "n8a/heldout"])]
    return replace(made, samples=pd.concat([others, drawn, photographs]))


@pytest.mark.parametrize("kind", ["gaussian", "heldout"])
def test_small_sizes_memorise(kind: str) -> None:
    assert verdict(samples.MEMORISES, sampled("copies")) == ("holds", True)
    found = samples.small_memorises(sampled(kind))
    assert [part.verdict for part in found.parts] == ["fails", "fails"]
    one = samples.small_memorises(by_size("law", "law", "law", copies=(0.3, 0, 0)))
    assert [part.verdict for part in one.parts] == ["holds", "fails"]


def test_copies_of_the_same_latents_are_not_counted_twice() -> None:
    """Two halves, half of whose samples are copies: as sure as one half is, with the latents as trials."""
    found = evidence({cell(8): "law", cell(8, "b"): "law"}, {}, copies={cell(8): 0.5, cell(8, "b"): 0.25}).memorised(
        [cell(8).id, cell(8, "b").id]
    )
    theirs = stats.binomtest(24, synthetic.SAMPLES).proportion_ci(0.95, method="exact")
    assert found.value == 0.375
    assert found.interval() == pytest.approx((theirs.low, theirs.high))


def with_moments(kind: str, copies: float = 1) -> tuple[Evidence, float]:
    """The same beside the shard of the samples' moments, as it is measured; and the ratio by hand."""
    training = ((synthetic.images("n8a") + 1) * 127.5).round().clip(0, 255).astype(np.uint8).reshape(8, 1, 2, 3)
    images = training.reshape(8, -1) / 127.5 - 1
    drawn = images[np.arange(400) % 8] if kind == "copies" else drawn_by(kind)
    standard = Standard("n8a", spectrum.fit(training), training, None)
    shard = standard.measured(cell(8).id, drawn.reshape(-1, 1, 2, 3), "heun18", seed=0)
    made = by_size("law", "law", "law", copies=(copies, 0, 0))
    generator = np.random.default_rng(3)

    def error(some: np.ndarray) -> float:
        return float(np.linalg.norm(np.cov(some.T, bias=True) - np.cov(images.T, bias=True)))

    null = [error(images[generator.integers(8, size=400)]) for _ in range(1000)]
    return replace(made, samples=pd.concat([made.samples, shard])), error(drawn) / float(np.quantile(null, 0.95))


def test_memorisers_keep_the_covariance() -> None:
    for kind, verdict_of_kind in (("copies", "holds"), ("stationary", "fails")):
        given, ratio = with_moments(kind)
        found = row("14", given)
        assert found[["verdict", "reason"]].tolist() == [verdict_of_kind, "interval"]
        assert found["estimate"] == pytest.approx(ratio, rel=0.1, abs=0.01)  # the mean is taken for known there
    assert row("14", with_moments("copies", copies=0)[0])["reason"] == "gate"
    assert row("14", by_size("law", "law", "law", copies=(1, 0, 0)))["reason"] == "missing"


@pytest.fixture
def overlapping(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A law whose clusters overlap, so that copying a few of its images denoises others badly."""
    monkeypatch.setattr(synthetic, "VARIANCE", 0.3)
    synthetic.measures.cache_clear()
    yield
    synthetic.measures.cache_clear()


def test_more_than_gaussian() -> None:
    assert verdict(samples.MORE, by_size("law", "law", "law")) == ("holds", True)
    assert verdict(samples.MORE, by_size("law", "law", "gaussian")) == ("fails", True)


@pytest.mark.usefixtures("overlapping")
def test_a_memoriser_is_not_more_than_gaussian() -> None:
    def judged(kind: str) -> tuple[str, bool]:
        return verdict(samples.MORE, evidence({cell(8): kind}, {"size": [cell(8)]}))

    assert judged("law") == ("holds", True)
    assert judged("empirical") == ("fails", True)


def test_calibration() -> None:
    assert verdict(linearity.CALIBRATED, by_size("law", "law", "law")) == ("holds", True)
    biased = dict.fromkeys(["n8a_empirical", "n32a_empirical", "n128a_empirical"], "shrunk 0.5")
    assert verdict(linearity.CALIBRATED, by_size("law", "law", "law", **biased)) == ("fails", True)


def test_one_fit_cannot_calibrate() -> None:
    alone = evidence({cell(8): "law"}, {"size": [cell(8)]})
    assert row("cal", alone)["reason"] == "missing"


def test_missing_cells_are_undecided() -> None:
    nothing = Evidence(EMPTY, EMPTY, pd.DataFrame(), [], {})
    ledger = claims.judge(nothing)
    assert set(ledger["verdict"]) == {"undecided"} == set(ledger["verdict_holm"])
    assert set(ledger["reason"]) == {"missing"}
    assert ledger["claim"].tolist() == [*(str(number) for number in range(1, 17)), "cal"]


def test_every_claim_declares_its_counter_example() -> None:
    assert all(claim.counter_example for claim in claims.LEDGER)
    assert {claim.number: claim.rule for claim in claims.LEDGER if claim.rule != "above"} == {
        "4": "below",
        "14": "below",
        "cal": "covers",
    }


def test_ledger_fits_its_table(tmp_path) -> None:
    ledger = claims.judge(by_size("empirical", "blend 0.6", "blend 0.2", copies=(1, 0, 0)))
    tables.write_table(tmp_path / "claims.parquet", ledger, schemas.CLAIMS)
    again = tables.read_table(tmp_path / "claims.parquet", schemas.CLAIMS)
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


def test_delta_lies_outside_for_a_verdict() -> None:
    def part(low: float, high: float, rule: str = "above") -> str:
        return verdicts.Part("", Estimate((low + high) / 2, lambda level: (low, high)), 1.0, rule).verdict

    assert [part(1.1, 2), part(0, 0.9), part(0.5, 1.5)] == ["holds", "fails", "undecided"]
    assert [part(1.1, 2, "below"), part(0, 0.9, "below"), part(0.5, 1.5, "below")] == ["fails", "holds", "undecided"]
    assert part(1, 1) == "fails"


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


def verdict(claim: verdicts.Claim, given: Evidence) -> tuple[str, bool]:
    """The verdict of the interval, and whether the gate is met."""
    found = claim.find(given)
    return found.verdict, bool(found.gate)


def row(number: str, given: Evidence) -> pd.Series:
    ledger = claims.judge(given)
    assert np.array_equal(ledger.columns, [column.name for column in schemas.CLAIMS.columns])
    return ledger.set_index("claim").loc[number]
