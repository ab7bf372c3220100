"""Claims about samples: examples that hold, counter-examples, gates, and missing evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import synthetic
from hidden_gaussian import spectrum
from hidden_gaussian.claims import samples
from hidden_gaussian.claims.evidence import Evidence
from hidden_gaussian.sampling.sample_moments import MomentReference
from hidden_gaussian.statistics import bootstrap
from synthetic import cell
from synthetic_evidence import by_size, evidence, halves, row, small_halves, verdict


def large_halves(
    kind: str, pair: float, *, second: str | None = None, empirical: float = 0.2, other_latents: float = 0.0
) -> Evidence:
    cells, networks, agreements = halves(128, kind, pair, empirical=empirical)
    made = evidence(networks | {cells[1]: second or kind}, {"halves_large": cells}, agreements=agreements)
    shifted = synthetic.agreement(cells[0].id, cells[0].id, other_latents, parameter="shift", at=1.0)
    return replace(made, samples=pd.concat([made.samples, shifted]))


def test_large_halves_agree() -> None:
    assert verdict(samples.AGREE, large_halves("law", 0.9)) == ("holds", True)
    assert samples.halves_agree(large_halves("empirical", 0.2)).verdict == "fails"
    assert verdict(samples.AGREE, large_halves("law", 0.9, empirical=0.9)) == ("fails", True)
    assert verdict(samples.AGREE, large_halves("law", 0.9, other_latents=0.9)) == ("fails", True)
    assert row("9", large_halves("untrained", 1.0))[["verdict", "reason"]].tolist() == ["fails", "gate"]


def large_halves_and_own(kind: str, pair: float, own: float) -> Evidence:
    made = large_halves(kind, pair)
    first = made.cells[0]
    compared = synthetic.agreement(first.id, f"{first.subset}/gaussian", own)
    exact = synthetic.agreement(first.id, f"{first.subset}/gaussian/exact", 0.5)  # the claim must not use it
    return replace(made, samples=pd.concat([made.samples, compared, exact]))


def test_agreement_beyond_the_gaussian() -> None:
    assert verdict(samples.BEYOND, large_halves_and_own("law", 0.95, 0.85)) == ("holds", True)
    assert samples.beyond_gaussian(large_halves_and_own("gaussian", 0.95, 1.0)).verdict == "fails"
    assert row("10", large_halves_and_own("untrained", 1.0, 0.5))[["verdict", "reason"]].tolist() == ["fails", "gate"]
    assert row("10", large_halves("law", 0.95))["reason"] == "missing"


def test_small_halves_differ() -> None:
    assert verdict(samples.DIFFER, small_halves(0.2, copies=1)) == ("holds", True)
    assert verdict(samples.DIFFER, small_halves(0.9, copies=1)) == ("fails", True)  # as two Gaussians do
    assert row("11", small_halves(0.2, copies=0))["reason"] == "gate"


def test_both_halves_have_to_pass_the_gate() -> None:
    assert not samples.halves_agree(large_halves("law", 0.9, second="untrained")).gate
    cells, networks, agreements = halves(8, "empirical", 0.2)
    copies = dict(zip(cells, (1, 0), strict=True))
    whole = evidence(networks, {"halves_small": cells}, agreements=agreements, copies=copies)
    assert not samples.halves_differ(whole).gate


def stopped(kind: str, pair: float, small_scale: float | None = None) -> Evidence:
    """Pairs of full and of stopped networks, and of small ones if their agreement is given."""
    full, networks, agreements = halves(8, "empirical", 0.2)
    early, more, again = halves(8, kind, pair, seen=4000)
    sweeps = {"halves_small": full, "halves_stopped": early}
    if small_scale is not None:
        sweeps["halves_small_scale"] = few = [cell(8, half, scale=4) for half in "ab"]
        more, again = more | dict.fromkeys(few, "law"), again | {(few[0].id, few[1].id): small_scale}
    return evidence(networks | more, sweeps, agreements=again | agreements)


def test_stopping_restores_agreement() -> None:
    assert verdict(samples.RETURNS, stopped("law", 0.9)) == ("holds", True)
    assert verdict(samples.RETURNS, stopped("law", 0.2)) == ("fails", True)
    assert row("12", stopped("untrained", 1.0))[["verdict", "reason"]].tolist() == ["fails", "gate"]


def test_a_small_scale_restores_agreement_too() -> None:
    assert verdict(samples.RETURNS, stopped("law", 0.9, small_scale=0.9)) == ("holds", True)
    one = samples.agreement_returns(stopped("law", 0.9, small_scale=0.25))
    assert [(part.what, part.verdict) for part in one.parts] == [("stopped early", "holds"), ("small scale", "fails")]
    assert not samples.agreement_returns(stopped("untrained", 0.9, small_scale=0.9)).gate


def drawn_by(kind: str, count: int = 400) -> np.ndarray:
    """Samples for eight training images: copies of them, of their Gaussian, or other images of the distribution."""
    training, generator = synthetic.images("n8a"), np.random.default_rng(8)
    copies = training[generator.integers(len(training), size=count)]
    return {
        "copies": copies + 0.01 * generator.normal(size=copies.shape),
        "gaussian": generator.multivariate_normal(training.mean(0), np.cov(training.T, bias=True), count),
        "heldout": synthetic.law(count, 9),
        "stationary": training.mean(0) + training.std() * generator.normal(size=(count, synthetic.DIMENSION)),
    }[kind]


def sampled(kind: str) -> Evidence:
    """A size sweep whose smallest network draws such samples, beside photographs of the distribution."""
    made = by_size("law", "law", "law")
    drawn = synthetic.neighbours(cell(8).id, drawn_by(kind))
    photographs = synthetic.neighbours("n8a/heldout", synthetic.law(400, 10), "photographs")
    others = made.samples[~made.samples["id"].isin([cell(8).id, "n8a/heldout"])]
    return replace(made, samples=pd.concat([others, drawn, photographs]))


@pytest.mark.parametrize("kind", ["gaussian", "heldout"])
def test_small_sizes_memorise(kind: str) -> None:
    assert verdict(samples.MEMORISES, sampled("copies")) == ("holds", True)
    assert [part.verdict for part in samples.small_memorises(sampled(kind)).parts] == ["fails", "fails"]
    one = samples.small_memorises(by_size("law", "law", "law", copies=(0.3, 0, 0)))
    assert [part.verdict for part in one.parts] == ["holds", "fails"]


def test_copies_of_the_same_latents_are_not_counted_twice() -> None:
    """Two halves share their latents, so their interval is no narrower than the interval of one."""
    fraction = evidence({cell(8): "law", cell(8, "b"): "law"}, {}, copies={cell(8): 0.5, cell(8, "b"): 0.25}).memorised(
        [cell(8).id, cell(8, "b").id]
    )
    theirs = stats.binomtest(24, synthetic.SAMPLES).proportion_ci(0.95, method="exact")
    assert fraction.value == 0.375
    assert fraction.interval() == pytest.approx((theirs.low, theirs.high))


def test_the_rate_of_copies_among_photographs_is_subtracted() -> None:
    whole = by_size("law", "law", "law", copies=(0.5, 0, 0))
    others = whole.samples[whole.samples["id"] != "n8a/heldout"]
    photographs = synthetic.memorisation("n8a/heldout", 0.25, "photographs")
    finding = samples.small_memorises(replace(whole, samples=pd.concat([others, photographs])))
    assert finding.parts[0].estimate.value == pytest.approx(0.25)


def test_trainings_enter_the_memorised_fraction() -> None:
    cells = [cell(8, half, replicate=which) for half in "ab" for which in (1, 2)]
    whole = evidence(dict.fromkeys(cells, "law"), {}, copies=dict(zip(cells, (0.25, 0.75, 0.5, 0.5), strict=True)))
    variance = (2 * 0.25**2 + 0) / 2  # between trainings, with two degrees of freedom
    reach = stats.t.ppf(0.975, 2) * math.sqrt(variance * (0.5**2 / 2 + 0.5**2 / 2))
    low, high = bootstrap.clopper_pearson(32, 64)
    expected = 0.5 - math.hypot(0.5 - low, reach), 0.5 + math.hypot(high - 0.5, reach)
    assert samples._memorised(whole, cells).interval() == pytest.approx(expected)


def with_moments(kind: str, copies: float = 1) -> tuple[Evidence, float]:
    """A size sweep with the measured shard of the samples' moments, and the ratio by hand."""
    training = ((synthetic.images("n8a") + 1) * 127.5).round().clip(0, 255).astype(np.uint8).reshape(8, 1, 2, 3)
    images = training.reshape(8, -1) / 127.5 - 1
    drawn = images[np.arange(400) % 8] if kind == "copies" else drawn_by(kind)
    reference = MomentReference("n8a", spectrum.fit(training), training, None)
    shard = reference.rows(cell(8).id, drawn.reshape(-1, 1, 2, 3), "heun18", seed=0)
    made = by_size("law", "law", "law", copies=(copies, 0, 0))
    generator = np.random.default_rng(3)

    def error(some: np.ndarray) -> float:
        return float(np.linalg.norm(np.cov(some.T, bias=True) - np.cov(images.T, bias=True)))

    null = [error(images[generator.integers(8, size=400)]) for _ in range(1000)]
    return replace(made, samples=pd.concat([made.samples, shard])), error(drawn) / float(np.quantile(null, 0.95))


def test_memorising_networks_keep_the_covariance() -> None:
    for kind, expected in (("copies", "holds"), ("stationary", "fails")):
        whole, ratio = with_moments(kind)
        judged = row("14", whole)
        assert judged[["verdict", "reason"]].tolist() == [expected, "interval"]
        assert judged["estimate"] == pytest.approx(ratio, rel=0.1, abs=0.01)  # the shard treats the mean as known
    assert row("14", with_moments("copies", copies=0)[0])["reason"] == "gate"
    assert row("14", by_size("law", "law", "law", copies=(1, 0, 0)))["reason"] == "missing"


@pytest.fixture
def overlapping(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution whose clusters overlap, so that copying a few of its images denoises others badly."""
    monkeypatch.setattr(synthetic, "VARIANCE", 0.3)
    synthetic.measures.cache_clear()
    yield
    synthetic.measures.cache_clear()


def test_more_than_gaussian() -> None:
    assert verdict(samples.MORE, by_size("law", "law", "law")) == ("holds", True)
    assert verdict(samples.MORE, by_size("law", "law", "gaussian")) == ("fails", True)


@pytest.mark.usefixtures("overlapping")
def test_an_empirical_denoiser_is_not_more_than_gaussian() -> None:
    def judged(kind: str) -> tuple[str, bool]:
        return verdict(samples.MORE, evidence({cell(8): kind}, {"size": [cell(8)]}))

    assert judged("law") == ("holds", True)
    assert judged("empirical") == ("fails", True)
