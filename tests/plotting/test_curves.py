"""Curves: bands that hold together, intervals of fractions, and parts of a curve."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hidden_gaussian.plotting.curves import NOTHING, Curve, curve, estimated, joined
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.tables import Pooled
from synthetic_results import World

NETWORK = "n32a/ve16r1/i64000"


def test_bands_over_joined_places_hold_together(world: World) -> None:
    """They are wider than the intervals of single places, and hold the nominal fraction of whole resampled curves."""
    data, sizes = world.data("dataset_size"), (8, 32, 128, 512)
    parts = [data.in_window("rho", f"n{size}a/ve16r1/i64000") for size in sizes]
    whole = joined(sizes, parts)
    assert all(whole.high - whole.low > [float(part.high[0] - part.low[0]) for part in parts])
    draws = np.concatenate([part.pooled for part in parts])[:, 1 : 1 + bootstrap.RESAMPLES]
    within = ((draws >= whole.low[:, None]) & (draws <= whole.high[:, None])).all(0).mean()
    alone = np.array([[part.low[0], part.high[0]] for part in parts])
    pointwise = ((draws >= alone[:, :1]) & (draws <= alone[:, 1:])).all(0).mean()
    assert pointwise < within and within > 0.93


def test_bands_hold_the_curve_and_are_those_of_tables_at_one_place(world: World) -> None:
    data = world.data("denoiser_distance")
    whole = data.curve("nrmse", "n512a/ve16r1/i64000", relation="gaussian")
    assert (whole.low < whole.value).all() and (whole.value < whole.high).all()
    part = whole.take([2])
    one = curve(part.x, part.pooled)
    row = data.measurements.curve("nrmse", "n512a/ve16r1/i64000", inputs="heldout", reference_id="n512a/gaussian")
    assert [float(one.low[0]), float(one.high[0])] == row.loc[2, ["low", "high"]].tolist()
    assert one.high[0] - one.low[0] < whole.high[2] - whole.low[2]


def test_a_place_without_spread_leaves_the_band_as_it_is() -> None:
    """An affine denoiser's cosine is 1 up to rounding errors, in every resample."""
    generator = np.random.default_rng(3)
    spread = bootstrap.pool(generator.normal(size=(3, 40)), "latents")
    rounding = 1 - 1e-16 * (generator.integers(50, size=(1, bootstrap.POOLED)) == 0)
    places = np.arange(4.0)
    both, alone = curve(places, np.concatenate([spread, rounding])), curve(places[:3], spread)
    assert np.array_equal(both.low[:3], alone.low) and np.allclose([both.low[3], both.high[3]], 1)


def test_fractions_along_thresholds_have_exact_intervals_that_hold_together(world: World) -> None:
    data = world.data("score_thresholds")
    found = data.profile("memorised_fraction_curve", NETWORK, sampler="heun18")
    count, level = len(world.latents), 1 - 0.05 / len(found)
    for value, low, high in zip(found.value, found.low, found.high, strict=True):
        expected = stats.binomtest(round(value * count), count).proportion_ci(level, "exact")
        assert np.allclose([low, high], expected)


@pytest.mark.parametrize("metric", ["memorised_fraction", "gl_score"])
def test_the_same_samples_twice_are_no_surer_than_once(world: World, metric: str) -> None:
    """Halves share their latents: two sets that agree say as much about other latents as one of them."""
    data = world.data("generalisation_score")
    once, twice = (data.curve(metric, ids, sampler="heun18") for ids in ([NETWORK], [NETWORK, NETWORK]))
    assert np.allclose([twice.value, twice.low, twice.high], [once.value, once.low, once.high])
    assert once.low[0] < once.value[0] < once.high[0]


def test_places_without_an_estimate_are_left_out() -> None:
    values = bootstrap.pool(np.random.default_rng(0).normal(size=(2, 20)), "latents")
    values[0] = np.nan
    assert estimated("nrmse", Pooled(np.array([0.1, 2.0]), values, 20, has_interval=True)).x.tolist() == [2.0]
    assert estimated("nrmse", None) is NOTHING and len(NOTHING) == 0


def test_parts_of_a_curve_keep_its_band() -> None:
    places = np.array([0.1, 1.0, 10.0])
    whole = Curve(places, places, places - 1, places + 2, np.tile(places[:, None], bootstrap.POOLED))
    for part in (whole.within(0.5, 1.0), whole.take([1]), whole.at_places([1.0, 3.0])):
        assert [part.x, part.value, part.low, part.high] == [1.0, 1.0, 0.0, 3.0]
        assert part.pooled is not None and part.pooled.shape == (1, bootstrap.POOLED)
    assert whole.within(low=1.0).x.tolist() == [1.0, 10.0]
    moved = whole.at(places / 10)
    assert np.array_equal(moved.x, places / 10) and np.array_equal(moved.value, places)
    assert np.array_equal(whole.error, [np.ones(3), np.full(3, 2.0)])
