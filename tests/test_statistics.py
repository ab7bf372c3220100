"""Intervals, trends and corrections against scipy, closed forms, and simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hidden_gaussian import statistics
from hidden_gaussian.statistics import Estimate


def test_weights_are_shared_and_sum_to_one() -> None:
    first = statistics.weights(50, "heldout")
    assert first.shape == (1 + statistics.RESAMPLES, 50)
    assert np.allclose(first.sum(axis=1), 1)
    assert np.allclose(first[0], 1 / 50)
    statistics.weights.cache_clear()
    assert np.array_equal(first, statistics.weights(50, "heldout"))
    assert not np.array_equal(first, statistics.weights(50, "train"))


def test_weights_have_multinomial_moments() -> None:
    counts = 40 * statistics.weights(40, "moments")[1:]
    assert np.array_equal(counts, counts.round())
    assert np.isclose(counts.var(), 1 - 1 / 40, atol=0.03)


def test_ratio_interval_agrees_with_scipy() -> None:
    generator = np.random.default_rng(0)
    top, bottom = generator.gamma(2, size=(2, 200))
    ratio = statistics.pool(top, "x") / statistics.pool(bottom, "x")
    low, high = statistics.percentiles(ratio)
    theirs = stats.bootstrap(
        (top, bottom),
        lambda a, b, axis: a.sum(axis) / b.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=20_000,
        vectorized=True,
        rng=1,
    ).confidence_interval
    assert ratio[0] == pytest.approx(top.sum() / bottom.sum())
    width = theirs.high - theirs.low
    assert abs(low - theirs.low) < 0.08 * width
    assert abs(high - theirs.high) < 0.08 * width


def test_ratio_interval_covers() -> None:
    """Nominal 95 %; the true ratio of means is 2 / 3."""
    generator = np.random.default_rng(1)
    shared, own, other = generator.gamma(1.0, size=(3, 1000, 128))
    pooled = statistics.pool(shared + own, "coverage") / statistics.pool(shared + 2 * other, "coverage")
    low, high = statistics.percentiles(pooled)
    covered = np.mean((low <= 2 / 3) & (high >= 2 / 3))
    assert 0.92 < covered < 0.975


@pytest.mark.parametrize(("hits", "trials"), [(0, 20), (1, 20), (13, 64), (64, 64)])
def test_clopper_pearson_is_scipys(hits: int, trials: int) -> None:
    theirs = stats.binomtest(hits, trials).proportion_ci(0.95, method="exact")
    assert statistics.clopper_pearson(hits, trials) == pytest.approx((theirs.low, theirs.high))


def test_slope_is_least_squares() -> None:
    sizes, values = [8, 8, 32, 128, 512], np.random.default_rng(2).normal(size=5)
    slope = statistics.slope_coefficients(sizes) @ values
    assert slope == pytest.approx(stats.linregress(np.log2(sizes), values).slope)
    with pytest.raises(ValueError, match="differ"):
        statistics.slope_coefficients([8, 8])


def test_holm_by_hand() -> None:
    adjusted = statistics.holm([0.01, 0.04, np.nan, 0.03, 0.005])
    assert adjusted[[0, 1, 3, 4]] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(adjusted[2])


def test_training_spread_by_hand() -> None:
    error, degrees = statistics.training_spread([(1.0, [1.0, 3.0]), (-1.0, [5.0]), (0.5, [0.0, 1.0, 2.0])])
    assert degrees == 3
    assert error == pytest.approx(math.sqrt((2 + 2) / 3 * (1 / 2 + 1 + 0.25 / 3)))
    assert statistics.training_spread([(1.0, [1.0]), (1.0, [2.0])]) == (0.0, 0)


def test_without_images_the_interval_is_students() -> None:
    values = [1.0, 2.0, 4.0, 4.5]
    constant = [np.full(1 + statistics.RESAMPLES, value) for value in values]
    found = statistics.combine([(1.0, constant)])
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.interval() == pytest.approx((theirs.low, theirs.high))
    assert found.covers == statistics.ALL


def test_one_training_is_given() -> None:
    pooled = statistics.pool(np.random.default_rng(3).normal(size=60), "x")
    found = statistics.combine([(1.0, [pooled])])
    assert found.covers == statistics.GIVEN
    assert found.interval() == pytest.approx(tuple(float(end) for end in statistics.percentiles(pooled)))


@pytest.mark.parametrize("replicates", [2, 3, 5])
def test_interval_over_trainings_covers(replicates: int) -> None:
    """Trend over four cells: images are common to all cells, trainings are their own; the true slope is 0.3."""
    generator = np.random.default_rng(replicates)
    slope = statistics.slope_coefficients([8, 32, 128, 512])
    hits, trials = 0, 500
    for _ in range(trials):
        tilt = generator.normal(size=100)  # images differ in how the statistic grows
        groups = []
        for place, coefficient in enumerate(slope):
            per_image = 0.3 * 2 * place + 0.5 * place * tilt + 0.3 * generator.normal(size=(replicates, 1))
            groups.append((float(coefficient), list(statistics.pool(per_image, "trend"))))
        low, high = statistics.combine(groups).interval()
        hits += low <= 0.3 <= high
    assert 0.92 < hits / trials < 0.99


def test_p_value_of_a_normal_mean() -> None:
    values = np.random.default_rng(4).normal(0.15, 1, size=400)
    found = statistics.resampled(statistics.pool(values, "p"))
    assert found.p_value(0) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)
    assert found.p_value(found.value) > 0.9
    assert found.p_value(100) == 2 / (statistics.RESAMPLES + 1)


def test_p_value_agrees_with_the_interval() -> None:
    found = statistics.proportion(9, 30)
    for bound in np.linspace(0.05, 0.6, 40):
        low, high = found.interval()
        assert (found.p_value(float(bound)) < 0.05) == (not low <= bound <= high)


def test_difference_of_proportions_by_hand() -> None:
    """Newcombe's hybrid form, with the exact interval of each."""
    found = statistics.difference(statistics.proportion(15, 40), statistics.proportion(3, 50))
    (first_low, first_high), (low, high) = statistics.clopper_pearson(15, 40), statistics.clopper_pearson(3, 50)
    value = 15 / 40 - 3 / 50
    below, above = math.hypot(15 / 40 - first_low, high - 3 / 50), math.hypot(first_high - 15 / 40, 3 / 50 - low)
    assert found.interval() == pytest.approx((value - below, value + above))


def test_normal_estimates_differ_as_they_should() -> None:
    def normal(value: float, error: float) -> Estimate:
        return Estimate(value, lambda level: stats.norm(value, error).interval(level))

    low, high = statistics.difference(normal(1, 0.3), normal(0, 0.4)).interval()
    assert (low, high) == pytest.approx(stats.norm(1, 0.5).interval(0.95))
