"""Bands of curves: wider than single intervals where places are joined, and the narrower the more images."""

from __future__ import annotations

import numpy as np

from hidden_gaussian.plotting.curves import Measured, joined
from synthetic_arrays import MAIN


def test_bands_over_joined_places_hold_together(world):
    """Wider than the intervals of single places, and the share of resamples within the whole band is the nominal."""
    measured = Measured(world.data("dataset_size"))
    parts = [measured.rho(f"n{size}a/ve16r1/i64000") for size in (8, 32, 128, 512)]
    whole = joined((8, 32, 128, 512), parts)
    assert all(whole.high - whole.low > [float(part.high[0] - part.low[0]) for part in parts])
    draws = np.concatenate([part.pooled for part in parts])[:, 1:2001]
    within = ((draws >= whole.low[:, None]) & (draws <= whole.high[:, None])).all(0).mean()
    alone = np.array([[part.low[0], part.high[0]] for part in parts])
    pointwise = ((draws >= alone[:, :1]) & (draws <= alone[:, 1:])).all(0).mean()
    assert pointwise < within and within > 0.93


def test_roots_keep_the_sign_of_products_of_two_fits(world):
    measured = Measured(world.data("denoiser_distance"))
    gap, norm = measured.table(MAIN, "distance", "gaussian"), measured.table(MAIN, "norm")
    above, below = measured.root_ratio(gap, norm), measured.root_ratio(-gap, norm)
    assert np.allclose(above.value, np.sqrt(gap.mean() / norm.mean()))
    assert np.allclose(below.value, -above.value) and np.isfinite(below.high).all()


def test_bands_hold_the_curve_and_narrow_with_images(world):
    measured = Measured(world.data("denoiser_distance"))
    table, norm = measured.table(MAIN, "distance", "gaussian"), measured.table(MAIN, "norm")
    whole, few = measured.ratio(table, norm), measured.ratio(table[:6], norm[:6])
    assert (whole.low < whole.value).all() and (whole.value < whole.high).all()
    assert np.median((whole.high - whole.low) / (few.high - few.low)) < 0.8
