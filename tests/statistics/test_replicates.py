"""The spread of trainings, by hand and against Student's interval; test_bootstrap.py tests its coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hidden_gaussian.statistics import bootstrap, replicates
from hidden_gaussian.statistics.bootstrap import Estimate


def test_training_spread_by_hand() -> None:
    groups = [(1.0, [1.0, 3.0], 0.5), (-1.0, [5.0], 0.0), (0.5, [0.0, 1.0, 2.0], 0.1)]
    error, degrees = replicates.training_spread(groups)
    assert degrees == 3
    assert error == pytest.approx(math.sqrt((2 + 2 - 0.6) / 3 * (1 / 2 + 1 + 0.25 / 3)))
    assert replicates.training_spread([(1.0, [1.0, 1.1], 0.5)]) == (0.0, 1)
    assert replicates.training_spread([(1.0, [1.0], 0.0), (1.0, [2.0], 0.0)]) == (0.0, 0)


def test_noise_of_images_is_not_counted_twice() -> None:
    """Replicates differ only by noise on each image, which the interval over images already contains."""
    values = bootstrap.pool(np.random.default_rng(6).normal(size=(100, 3, 64)), "interaction")
    together = [np.ptp(replicates.combine([(1.0, one)]).interval()) for one in values]
    alone = [np.ptp(bootstrap.resampled(one.mean(axis=0)).interval()) for one in values]
    assert np.mean(together) < 1.8 * np.mean(alone)


def test_noise_shared_by_trainings_does_not_count_as_their_spread() -> None:
    shared = bootstrap.pool(np.random.default_rng(7).normal(size=64), "shared")
    found = replicates.combine([(1.0, [shared - 0.1, shared + 0.1])])
    low, high = bootstrap.intervals(shared)
    reach = stats.t.ppf(0.975, 1) * 0.1  # the standard error of two values that are 0.2 apart
    expected = shared[0] - math.hypot(shared[0] - low, reach), shared[0] + math.hypot(high - shared[0], reach)
    assert found.interval() == pytest.approx(expected)


def test_trainings_widen_an_interval_as_independent_errors() -> None:
    found = replicates.with_trainings(Estimate(1.0, lambda _: (-2.0, 2.0)), 4 / stats.t.ppf(0.975, 2), 2)
    assert found.interval() == pytest.approx((1 - 5, 1 + math.hypot(1, 4)))


def test_without_images_the_interval_is_students() -> None:
    values = [1.0, 2.0, 4.0, 4.5]
    constant = [np.full(bootstrap.POOLED, value) for value in values]
    found = replicates.combine([(1.0, constant)])
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.interval() == pytest.approx((theirs.low, theirs.high))
    assert found.covers == replicates.ALL


def test_one_training_leaves_the_interval_over_images() -> None:
    pooled = bootstrap.pool(np.random.default_rng(3).normal(size=60), "x")
    found = replicates.combine([(1.0, [pooled])])
    assert found.covers == bootstrap.GIVEN
    assert found.interval() == pytest.approx(tuple(float(end) for end in bootstrap.intervals(pooled)))
