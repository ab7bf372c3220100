"""Intervals, slopes and corrections against scipy, closed forms and simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from hidden_gaussian.metrics.linearity import affinity_quantities, mixture_quantities
from hidden_gaussian.statistics import bootstrap, replicates
from hidden_gaussian.statistics.bootstrap import Estimate


def test_weights_are_shared_and_sum_to_one() -> None:
    first = bootstrap.weights(50, "heldout")
    assert first.shape == (bootstrap.POOLED, 50)
    assert np.allclose(first.sum(axis=1), 1)
    assert np.allclose(first[0], 1 / 50)
    bootstrap.weights.cache_clear()
    assert np.array_equal(first, bootstrap.weights(50, "heldout"))
    assert not np.array_equal(first, bootstrap.weights(50, "train"))


def test_weights_have_multinomial_moments() -> None:
    resamples = bootstrap.weights(40, "moments")[1 : 1 + bootstrap.RESAMPLES]
    counts = 39 * resamples
    assert np.allclose(counts, counts.round())
    assert np.isclose(counts.var(), 39 / 40 * (1 - 1 / 40), atol=0.03)
    values = np.random.default_rng(0).normal(size=40)
    assert (resamples @ values).std() == pytest.approx(stats.sem(values), rel=0.05)  # n - 1 under the root


@pytest.mark.parametrize("count", [3, 64, 200])
def test_every_image_is_left_out_once(count: int) -> None:
    without = bootstrap.weights(count, "groups")[1 + bootstrap.RESAMPLES :]
    assert ((without == 0).sum(axis=0) == 1).all()


def test_ratio_interval_agrees_with_scipy() -> None:
    generator = np.random.default_rng(0)
    top, bottom = generator.gamma(0.5, size=(2, 200))
    ratio = bootstrap.pool(top, "x") / bootstrap.pool(bottom, "x")
    low, high = bootstrap.intervals(ratio)
    theirs = stats.bootstrap(
        (top, bottom),
        lambda a, b, axis: a.sum(axis) / b.sum(axis),
        paired=True,
        method="BCa",
        n_resamples=20_000,
        vectorized=True,
        rng=1,
    ).confidence_interval
    assert ratio[0] == pytest.approx(top.sum() / bottom.sum())
    width = theirs.high - theirs.low
    assert abs(low - theirs.low) < 0.06 * width
    assert abs(high - theirs.high) < 0.06 * width


def test_interval_of_a_symmetric_mean_is_students() -> None:
    values = stats.norm.ppf((np.arange(40) + 0.5) / 40)
    low, high = bootstrap.intervals(bootstrap.pool(values, "student"))
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((theirs.low, theirs.high), rel=0.08)


def test_resamples_that_equal_the_estimate_are_no_bias() -> None:
    """Half of them count as below, so a symmetric statistic on a grid has a symmetric interval."""
    resamples = stats.norm.ppf((np.arange(bootstrap.RESAMPLES) + 0.5) / bootstrap.RESAMPLES).round()
    low, high = bootstrap.intervals(np.r_[0.0, resamples, np.resize([-0.1, 0.1], bootstrap.GROUPS)])
    assert low == pytest.approx(-high)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_interval_of_few_units_is_their_range(count: int) -> None:
    values = np.random.default_rng(count).normal(size=(20, count))
    low, high = bootstrap.intervals(bootstrap.pool(values, "few"))
    assert np.allclose([low, high], [values.min(axis=1), values.max(axis=1)])


def test_undefined_resamples_give_no_interval() -> None:
    pooled = np.stack([bootstrap.pool(np.arange(9.0), "x"), np.ones(bootstrap.POOLED)])
    pooled[0, 5] = np.nan
    low, high = bootstrap.intervals(pooled)
    assert np.isnan([low[0], high[0]]).all()
    assert low[1] == high[1] == 1


def test_an_interval_contains_its_estimate() -> None:
    """Also if all images are equal, and resamples differ only by rounding."""
    values = np.stack([np.full(37, 0.1), np.r_[np.zeros(36), 1.0]])
    pooled = bootstrap.pool(values, "alike")
    low, high = bootstrap.intervals(pooled)
    assert (low <= pooled[:, 0]).all()
    assert (pooled[:, 0] <= high).all()
    assert high[0] - low[0] < 1e-12 < high[1] - low[1]


IMAGES, TRIALS, SIGMA = 64, 2000, 0.6
NARROW = np.array([2, 1, 0.5, 0.2, 0.1, 0.05])
CENTRES = np.random.default_rng(7).choice([-0.8, 0.8], size=(5, 6))
DISTRIBUTIONS = {
    "gaussian": (np.zeros(6), np.diag(NARROW)),
    "mixture": (CENTRES.mean(0), np.cov(CENTRES.T, bias=True) + 0.01 * np.eye(6)),
}


def clean(distribution: str, count: int, generator: np.random.Generator) -> np.ndarray:
    noise = generator.normal(size=(count, 6))
    return (
        noise * NARROW**0.5 if distribution == "gaussian" else CENTRES[generator.integers(5, size=count)] + 0.1 * noise
    )


def parts(distribution: str, sigmas: list[float], generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The loss of the denoisers D_G + t (y - D_G): D_G at t = 0, the identity at t = 1.

    Returns
    -------
    ndarray of shape (3, levels, trials, POOLED), ndarray of shape (2, levels)
        Pooled a, b, c of the loss a + 2 b t + c t^2; true a and c. The true b is 0 for any distribution, because
        D_G(y) - x has mean 0 and is uncorrelated with y.
    """
    mean, covariance = DISTRIBUTIONS[distribution]
    images = clean(distribution, TRIALS * IMAGES, generator)
    noise = generator.normal(size=images.shape)
    pooled = []
    for sigma in sigmas:
        noisy = images + sigma * noise
        gaussian = mean + (noisy - mean) @ np.linalg.solve(covariance + sigma**2 * np.eye(6), covariance)
        error, step = gaussian - images, noisy - gaussian
        squares = [(first * second).sum(1) for first, second in ((error, error), (error, step), (step, step))]
        pooled.append([bootstrap.pool(one.reshape(TRIALS, IMAGES), "coverage") for one in squares])
    spectrum, noises = np.linalg.eigvalsh(covariance), np.array(sigmas)[:, None] ** 2
    truth = [spectrum * noises / (spectrum + noises), noises**2 / (spectrum + noises)]
    return np.array(pooled).swapaxes(0, 1), np.array(truth).sum(-1)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_interval_and_band_over_sigma_cover(distribution: str) -> None:
    """Loss relative to the Gaussian's at four levels: each interval covers 95 %, and so does the whole band."""
    (a, b, c), (loss, step) = parts(distribution, [0.05, 0.5, 2, 8], np.random.default_rng(1))
    ratio, truth = ((a + 0.6 * b + 0.09 * c) / a).swapaxes(0, 1), 1 + 0.09 * step / loss
    low, high = bootstrap.intervals(ratio)
    inside = (low <= truth) & (truth <= high)
    assert ((inside.mean(0) > 0.93) & (inside.mean(0) < 0.97)).all()
    assert inside.all(1).mean() < 0.92  # the intervals together are no 95 % band
    ends = [bootstrap.bands(one) for one in ratio]
    together = [((low <= truth) & (truth <= high)).all() for low, high in ends]
    assert 0.93 < np.mean(together) < 0.97


def bend(images: torch.Tensor, _: float = 0.0) -> torch.Tensor:
    """A denoiser that squares the last pixel: affine where the pixel is dark, with a gap where it is bright."""
    return torch.cat([images[..., :-1], images[..., -1:] ** 2], dim=-1)


def mixed(count: int, seed: int) -> dict[str, np.ndarray]:
    """Linearity quantities of one batch of images with equal norms, some of them bright in the last pixel."""
    generator = np.random.default_rng(seed)
    directions = generator.normal(size=(count, 6))
    bright = (generator.random(count) < 0.15) * generator.uniform(0.5, 1, count)
    pixels = np.c_[directions / np.linalg.norm(directions, axis=1, keepdims=True), bright]
    images = torch.from_numpy(pixels).reshape(count, 1, 1, 7)
    quantities = mixture_quantities(bend, images, bend(images), 0.0, torch.zeros(1, 1, 7).double(), 0.5**0.5)
    quantities |= affinity_quantities(bend, images, bend(images), 0.0)
    return {name: values.numpy() for name, values in quantities.items()}


@pytest.mark.parametrize("score", ["cosine", "affinity"])
def test_interval_of_mixed_images_covers(score: str) -> None:
    """Values of neighbours depend on each other: resampling single images gives too narrow an interval."""

    def parts(found: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        if score == "affinity":
            return found["affine_gap"], found["norm_centred"]
        cosine = found["mixed_inner"] / np.sqrt(found["mixed_norm"] * found["combined_norm"])
        return cosine, np.ones_like(cosine)

    top, bottom = (part.mean() for part in parts(mixed(2_000_000, 1)))
    sums = [part.reshape(TRIALS, 2 * IMAGES) for part in parts(mixed(2 * TRIALS * IMAGES, 2))]
    covered = {}
    for by_blocks in (True, False):
        above, below = (bootstrap.pool(part, "mixed", mixed=by_blocks) for part in sums)
        low, high = bootstrap.intervals(above / below)
        covered[by_blocks] = ((low <= top / bottom) & (top / bottom <= high)).mean()
    assert 0.93 < covered[True] < 0.97
    assert covered[False] < 0.93


def test_mixing_blocks_are_resampled_whole() -> None:
    values = np.arange(10.0)  # blocks 0-3 and 4-9
    pooled = bootstrap.pool(values, "whole", mixed=True)
    assert pooled[0] == pytest.approx(4.5)
    means = {1.5, 6.5}
    assert set(pooled[1 : 1 + bootstrap.RESAMPLES].round(9)) == means  # one of two blocks is drawn
    assert set(pooled[1 + bootstrap.RESAMPLES :][:2].round(9)) == means


@pytest.mark.parametrize("trainings", [2, 3, 5])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_interval_over_trainings_covers(distribution: str, trainings: int) -> None:
    """Slope of the relative loss over three cells that share their images; each training has its own t."""
    generator = np.random.default_rng([5, trainings])
    pooled, true = parts(distribution, [SIGMA], generator)
    (a, b, c), (loss, step) = pooled[:, 0], true[:, 0]
    shares, spread = np.array([0.2, 0.35, 0.5]), 0.05
    slope = bootstrap.slope_coefficients([8, 32, 128])
    truth = float(slope @ (1 + (shares**2 + spread**2) * step / loss))
    hits = blind = 0
    for trial in range(TRIALS):
        drawn = shares[:, None] + spread * generator.normal(size=(3, trainings))
        losses = [[(a[trial] + 2 * t * b[trial] + t**2 * c[trial]) / a[trial] for t in cell] for cell in drawn]
        found = replicates.combine(list(zip(slope.tolist(), losses, strict=True)))
        low, high = found.interval()
        hits += low <= truth <= high
        low, high = bootstrap.intervals(sum(k * np.mean(cell, axis=0) for k, cell in zip(slope, losses, strict=True)))
        blind += low <= truth <= high
    assert 0.93 < hits / TRIALS < 0.97
    assert blind / TRIALS < 0.93  # the interval over images alone leaves trainings out


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_clopper_pearson_covers(share: float) -> None:
    """Coverage by an exact sum over all outcomes is never below nominal."""
    outcomes = np.arange(129)
    ends = np.array([bootstrap.clopper_pearson(int(hits), 128) for hits in outcomes])
    inside = (ends[:, 0] <= share) & (share <= ends[:, 1])
    assert 0.95 <= stats.binom.pmf(outcomes, 128, share)[inside].sum() < 0.99


@pytest.mark.parametrize(("hits", "trials"), [(0, 20), (1, 20), (13, 64), (64, 64)])
def test_clopper_pearson_is_scipys(hits: int, trials: int) -> None:
    theirs = stats.binomtest(hits, trials).proportion_ci(0.95, method="exact")
    assert bootstrap.clopper_pearson(hits, trials) == pytest.approx((theirs.low, theirs.high))


def test_slope_is_least_squares() -> None:
    sizes, values = [8, 8, 32, 128, 512], np.random.default_rng(2).normal(size=5)
    slope = bootstrap.slope_coefficients(sizes) @ values
    assert slope == pytest.approx(stats.linregress(np.log2(sizes), values).slope)
    with pytest.raises(ValueError, match="differ"):
        bootstrap.slope_coefficients([8, 8])


def test_holm_by_hand() -> None:
    adjusted = bootstrap.holm([0.01, 0.04, np.nan, 0.03, 0.005])
    assert adjusted[[0, 1, 3, 4]] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(adjusted[2])


def test_p_value_of_a_normal_mean() -> None:
    values = np.random.default_rng(4).normal(0.15, 1, size=400)
    estimate = bootstrap.resampled(bootstrap.pool(values, "p"))
    assert estimate.p_value(0) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)
    assert estimate.p_value(estimate.value) > 0.9
    assert estimate.p_value(100) == 2 / (bootstrap.RESAMPLES + 1)


def test_p_value_agrees_with_the_interval() -> None:
    estimate = bootstrap.proportion(9, 30)
    for bound in np.linspace(0.05, 0.6, 40):
        low, high = estimate.interval()
        assert (estimate.p_value(float(bound)) < 0.05) == (not low <= bound <= high)


def test_difference_of_proportions_by_hand() -> None:
    """Newcombe's hybrid form, with the exact interval of each."""
    found = bootstrap.difference(bootstrap.proportion(15, 40), bootstrap.proportion(3, 50))
    (first_low, first_high), (low, high) = bootstrap.clopper_pearson(15, 40), bootstrap.clopper_pearson(3, 50)
    value = 15 / 40 - 3 / 50
    below, above = math.hypot(15 / 40 - first_low, high - 3 / 50), math.hypot(first_high - 15 / 40, 3 / 50 - low)
    assert found.interval() == pytest.approx((value - below, value + above))


def test_normal_estimates_differ_as_they_should() -> None:
    def normal(value: float, error: float) -> Estimate:
        return Estimate(value, lambda level: stats.norm(value, error).interval(level))

    low, high = bootstrap.difference(normal(1, 0.3), normal(0, 0.4)).interval()
    assert (low, high) == pytest.approx(stats.norm(1, 0.5).interval(0.95))
