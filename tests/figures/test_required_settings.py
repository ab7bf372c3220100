"""Figures of samples' moments and thresholds, and those of measurements a study must ask for, against vectors."""

from __future__ import annotations

import importlib
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from hidden_gaussian.errors import InputError
from hidden_gaussian.figures import (
    alpha_sweep,
    analytic_models,
    distillation_course,
    jacobian,
    moments,
    perturbation,
    splice,
)
from hidden_gaussian.figures.linear_weights import weights
from hidden_gaussian.figures.registry import available, input_files, visible
from hidden_gaussian.figures.score_thresholds import below
from hidden_gaussian.plotting import style
from hidden_gaussian.plotting.curves import Measured
from hidden_gaussian.plotting.memorisation import wide
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.settings import Dataset
from hidden_gaussian.tables.sample_metrics import THRESHOLDS
from synthetic import turned
from synthetic_arrays import LEVELS, MAIN, settings
from synthetic_results import World

SMALL = "n8a/ve16r1/i64000"


def drawn(world: World, name: str) -> Figure:
    return importlib.import_module(f"hidden_gaussian.figures.{name}").draw(world.data(name))


def without(section: str, key: str, value: Any) -> ResultsIndex:
    content = settings()
    content[section] = {**content[section], key: value}
    return ResultsIndex.of("digits", Dataset.model_validate(content))


def test_shares_below_every_threshold(world):
    shard = world.data("score_thresholds").shard("n32a/ve16r1/i64000", "memorisation", "heun18")
    samples = world.samples("n32a/ve16r1/i64000", "heun18").reshape(-1, world.size).astype(float)
    training = world.flat(world.indices("n32a"))
    distance = np.sort(np.linalg.norm(samples[:, None] - training, axis=2), axis=1)
    for whole, lengths in (("second", distance[:, 1]), ("norm", np.linalg.norm(samples, axis=1))):
        found = below(wide(shard), whole)
        expected = [(distance[:, 0] < threshold * lengths).mean() for threshold in THRESHOLDS]
        assert np.allclose(found.value, expected)
        assert 0 < found.value.mean() < 1
        assert (found.low <= found.value).all() and (found.high > found.low + 0.1).all()


def test_moments_of_samples(world):
    shard = world.data("moments").shard(MAIN, "moments", "heun18")
    mean, values, vectors = world.spectrum("n512a")
    centred = world.samples(MAIN, "heun18").reshape(-1, world.size) - mean
    along = [centred @ vectors[:, -component] for component in (1, 2, 4)]
    kurtosis = moments.score(shard, "component_kurtosis")
    assert np.allclose(kurtosis.x, [1, 2, 4])
    assert np.allclose(kurtosis.value, [(part**4).mean() / (part**2).mean() ** 2 - 3 for part in along], atol=1e-5)
    error = np.square(centred.mean(0)).sum() + values.sum() / len(centred)
    ratio = moments.score(shard, "mean_ratio")
    assert np.isclose(ratio.value[0], np.sqrt(error / (1.3 * values.sum() / len(centred))))
    assert ratio.low[0] < ratio.value[0] < ratio.high[0]


def test_networks_on_random_images_of_equal_covariance(world):
    """Each dataset's curve is of its own network and Gaussian, on its own images."""
    figure, name = drawn(world, "surrogates"), f"{world.root.name}-gaussian"
    for part, one in (("digits", world), (name, world.double)):
        (line,) = [line for line in figure.axes[0].lines if str(line.get_label()).startswith(f"{part}, $N$ = 512")]
        for sigma, height in line.get_xydata():
            _, noisy = one.noisy(sigma)
            output, gaussian = one.denoise(MAIN, noisy, sigma), one.denoise("n512a/gaussian", noisy, sigma)
            assert np.isclose(height, np.sqrt(np.square(output - gaussian).sum() / np.square(output).sum()), rtol=1e-3)


def test_surrogates_are_those_of_the_study():
    content = settings()
    source = {"kind": "gaussian-surrogate", "of": "digits", "count": 1797}
    study = {"digits": settings(), "noise": {**content, "source": source}, "other": content}
    datasets = {name: Dataset.model_validate(one) for name, one in study.items()}
    index = ResultsIndex.of("digits", datasets["digits"], datasets)
    assert [one.name for one in index.surrogates] == ["noise"]
    assert {path.split("/")[1] for path in input_files("surrogates", index) if path.startswith("..")} == {"noise"}
    assert "surrogates" not in available(ResultsIndex.of("noise", datasets["noise"], datasets))
    assert not visible("overview", index).surrogates
    assert ResultsIndex.read(asdict(index)) == index


def test_amplitudes_of_samplers(world):
    table = world.sampler_error("n512a")
    euler = table[(table["sampler"] == "euler10") & (table["sigma_max"] == 80)].sort_values("std")
    one, whole = euler[euler["component"].notna()], euler[euler["component"].isna()]
    figure = drawn(world, "sampler_error")
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "Euler, 10 steps"]
    assert np.allclose(line.get_xydata().T, [one["std"] ** 2, one["amplitude"] / one["std"]])
    heights = [dict(map(tuple, line.get_xydata())).get(80.0) for line in figure.axes[1].lines]
    assert float((whole["distance"] / whole["std"]).iloc[0]) in heights


def test_models_of_the_network(world):
    small, large = drawn(world, "analytic_models").axes[:2]
    assert "mixture, 12 components" not in {line.get_label() for line in small.lines}
    for kind, label in (("stationary", "stationary"), ("mixture-12", "mixture, 12 components")):
        (line,) = [line for line in large.lines if line.get_label() == label]
        for sigma, height in line.get_xydata():
            _, noisy = world.noisy(sigma)
            network, model = (world.denoise(name, noisy, sigma) for name in (MAIN, f"n512a/{kind}"))
            assert np.isclose(height, np.linalg.norm(network - model) / np.linalg.norm(network))


def test_linearity_of_every_weight(world):
    measured = Measured(world.data("alpha_sweep"))
    for square in (0.5, 0.99):
        found = alpha_sweep.cosine(measured, MAIN, "", square)
        first, second = np.sqrt([square, 1 - square])
        for place, sigma in enumerate(found.x):
            _, noisy = world.noisy(sigma)
            output, other = world.denoise(MAIN, noisy, sigma), turned(noisy, 1)
            mixed = world.denoise(MAIN, first * noisy + second * other, sigma)
            apart = first * output + second * turned(output, 1)
            cosines = (mixed * apart).sum(1) / np.linalg.norm(mixed, axis=1) / np.linalg.norm(apart, axis=1)
            assert np.isclose(found.value[place], cosines.mean())
        assert np.allclose(alpha_sweep.cosine(measured, "n512a/gaussian", "_centred", square).value, 1)


def test_nulls_of_weights_are_at_the_most_even_one():
    assert alpha_sweep.most_even([0.09, 0.5, 0.99]) == 0.5
    assert alpha_sweep.most_even([0.1, 0.8]) == 0.8


def test_analytic_denoisers_look_different_however_many_are_listed():
    drawn = analytic_models.looks([f"patch-{size}" for size in range(3, 23, 2)])
    assert len({(look["color"], look.get("ls", "-")) for look in drawn.values()}) == 12


def test_descent_approaches_the_exact_optimum(world):
    measured = Measured(world.data("distillation_course"))
    course, exact = (
        distillation_course.ratio(weights(measured, MAIN, name), "weight_gap", "gaussian_weight")
        for name in ("epoch", "draws")
    )
    assert list(course.index) == [0, 1, 2, 5, 10]
    assert np.allclose(course.columns, LEVELS[::-1])
    assert np.allclose(course.loc[0] ** 2 - course.loc[10] ** 2, 1 - np.exp(-10))
    figure = drawn(world, "distillation_course")
    marks = [line for line in figure.axes[4].lines if line.get_marker() == "D"]
    assert np.allclose([mark.get_ydata()[0] for mark in marks], exact.loc[4096])
    values = world.spectrum("n512a")[1][::-1]
    drawn_values = [line.get_ydata() for line in figure.axes[7].lines if line.get_color() != style.GREY]
    for sigma, heights in zip(LEVELS[::-1][::2], drawn_values, strict=True):
        assert np.allclose(heights, 0.9 * values / (values + sigma**2))
    (strip,) = [image for axes in figure.axes for image in axes.images if image.get_clim() == (-1, 1)]
    first = world.spectrum("n512a")[2][:, -1] * world.size**0.5 / distillation_course.SPREAD
    assert np.allclose(strip.get_array()[-8:, :8].filled(np.nan).ravel(), first, atol=2e-3)


def test_overlaps_and_singular_values(world):
    figure = drawn(world, "singular_vectors")
    table = weights(Measured(world.data("singular_vectors")), MAIN, "rank")
    solid = [line for line in figure.axes[1].lines if line.get_label().startswith("rank")]
    assert [line.get_label() for line in solid] == ["rank 1", "rank 5", "rank 50"]
    for line, rank in zip(solid, (1, 5, 50), strict=True):
        expected = table[table["at"] == rank].sort_values("sigma")["overlap"] / rank
        assert expected.std() > 0
        assert np.allclose(line.get_ydata(), expected)


def test_spliced_samples_by_window(world):
    shard = world.data("splice").shard(MAIN, "splice", "heun18")
    rows = shard[shard["id"] == f"{MAIN}/splice-gaussian"]
    ends, values = splice.by_range(rows, splice.correlation)
    assert ends == [0, 0.3, 3, 80]
    assert np.isnan(values[1, 0]) and np.isnan(values[2, :2]).all() and np.isfinite(values[0]).all()
    mean = world.spectrum("n512a")[0]
    own, gaussian = (
        world.samples(name, sampler).reshape(-1, world.size)
        for name, sampler in ((MAIN, "heun18"), ("n512a/gaussian", "exact"))
    )
    a, b = gaussian - mean, own - mean  # all levels replaced
    assert np.isclose(values[0, 2], (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b), atol=1e-6)
    figure = drawn(world, "splice")
    printed = [text.get_text() for axes in figure.axes[9:10] for text in axes.texts]
    assert len(printed) == 6 and f"{values[0, 2]:.2f}".removeprefix("0") in printed


def test_slopes(world):
    shard = world.data("jacobian").slopes(MAIN)
    found = jacobian.overlap(shard, "n512a/gaussian", 2)
    assert np.allclose(found.value, 0.65 * found.x / (2.02 + found.x))
    assert (found.low < found.value).all()
    measured = Measured(world.data("jacobian"))
    to_network, to_gaussian = (
        jacobian.taylor(measured, shard, quantity, reference)
        for quantity, reference in (("distance", f"{MAIN}/taylor"), ("taylor_distance", "n512a/gaussian"))
    )
    for place, sigma in enumerate(to_network.x):
        _, noisy = world.noisy(sigma)
        gaussian, mean = world.denoise("n512a/gaussian", noisy, sigma), world.spectrum("n512a")[0]
        gap = 0.9 * (gaussian - mean) + mean - world.denoise(MAIN, noisy, sigma)
        assert np.isclose(to_network.value[place], np.sqrt(np.square(gap).mean()))
        assert np.isclose(to_gaussian.value[place], 0.1 * np.sqrt(np.square(gaussian - mean).mean()))
    assert np.allclose(perturbation.response(shard, 1.0).value, np.sqrt(0.97))


@pytest.mark.parametrize(
    ("name", "section", "key", "value", "setting"),
    [
        ("analytic_models", "measures", "references", [], r"measures\.references"),
        ("alpha_sweep", "measures", "alphas", [0.7], r"second weight in measures\.alphas"),
        ("distillation_course", "distillation", "solver", "exact", r"distillation\.solver adam"),
        ("distillation_course", "distillation", "cells", {"subset_sizes": [512]}, r"distillation\.solver adam"),
        ("distillation_course", "distillation", "adam", {"cells": {"subset_sizes": [512]}}, "both ends"),
        ("linear_weights", "distillation", "cells", {"subset_sizes": [8]}, r"both ends of grid\.sweeps\.size"),
        ("singular_vectors", "distillation", "inputs", ["train"], r"both ends of grid\.sweeps\.size"),
        ("distillation_inputs", "distillation", "cells", {"scales": [999]}, r"both ends of grid\.sweeps\.size"),
        ("splice", "sampling", "splice", None, r"sampling\.splice"),
        ("jacobian", "measures", "jacobian", None, r"measures\.jacobian"),
        ("perturbation", "measures", "jacobian", None, r"measures\.jacobian"),
    ],
)
def test_says_which_measurement_a_figure_lacks(name, section, key, value, setting):
    index = without(section, key, value)
    assert name not in available(index)
    with pytest.raises(InputError, match=rf"'{name}' of dataset 'digits'.*{setting}"):
        input_files(name, index)
