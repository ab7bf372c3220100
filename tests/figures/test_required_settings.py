"""Figures of what a study measures only if its settings say so, against vectors; and which settings those are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from hidden_gaussian.errors import InputError
from hidden_gaussian.figures import alpha_sweep, distillation_course, splice
from hidden_gaussian.figures.registry import available, input_files, visible
from hidden_gaussian.plotting import style
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.settings import Dataset
from hidden_gaussian.tables import THRESHOLDS
from synthetic import turned
from synthetic_arrays import LEVELS, MAIN, settings
from synthetic_measures import FIRST, SECOND, THIRD

SIZES = (8, 32, 128, 512)


def index_of(content: dict[str, Any]) -> ResultsIndex:
    return ResultsIndex.of("digits", Dataset.model_validate(content))


def quantity(frame, name: str, **where: Any) -> np.ndarray:
    """Values of a measured quantity, in the order of sigma."""
    chosen = frame[frame["quantity"] == name]
    for column, value in where.items():
        chosen = chosen[chosen[column] == value]
    return chosen.sort_values("sigma", kind="stable")["value"].to_numpy()


def test_fractions_below_every_threshold(world, figures):
    nearest, second, norm = world.nearest("n32a/ve16r1/i64000", "heun18")
    for axes, whole in zip(figures["score_thresholds"].axes, (second, norm), strict=False):
        networks = [line for line in axes.lines if line.get_color() not in (style.GREY, "k")]
        expected = [(nearest < threshold * whole).mean() for threshold in THRESHOLDS]
        assert 0 < np.mean(expected) < 1
        assert np.allclose(networks[1].get_xydata().T, [THRESHOLDS, expected])


def test_moments_of_samples(world, figures):
    mean, values, vectors = world.spectrum("n512a")
    centred = world.samples(MAIN, "heun18").reshape(-1, world.size) - mean
    along = [centred @ vectors[:, -component] for component in (1, 2, 4)]
    kurtosis = [(part**4).mean() / (part**2).mean() ** 2 - 3 for part in along]
    error = np.square(centred.mean(0)).sum() + values.sum() / len(centred)
    panels = figures["moments"].axes
    last = [line for line in panels[4].lines if line.get_color() != style.GREY][-1]
    assert np.allclose(last.get_xydata().T, [[1, 2, 4], kurtosis], atol=1e-5)
    (by_size,) = [line for line in panels[0].lines if line.get_color() == style.GREY and line.get_linestyle() == "-"
                  and len(line.get_xdata()) == len(SIZES)]  # fmt: skip
    assert np.isclose(by_size.get_ydata()[-1], np.sqrt(error / (1.3 * values.sum() / len(centred))))


def test_networks_on_random_images_of_equal_covariance(world, figures):
    """Each dataset's curve is of its own network and Gaussian, on its own images."""
    axes, name = figures["surrogates"].axes[0], f"{world.root.name}-gaussian"
    for part, one in (("digits", world), (name, world.double)):
        (line,) = [line for line in axes.lines if str(line.get_label()).startswith(f"{part}, $N$ = 512")]
        gap, norm = one.distances(line.get_xdata(), MAIN, "n512a/gaussian").sum(2)
        assert np.allclose(line.get_ydata(), np.sqrt(gap / norm))


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


def test_amplitudes_of_samplers(world, figures):
    table = world.sampler_error("n512a")
    euler = table[(table["sampler"] == "euler10") & (table["sigma_max"] == 80)].sort_values("component")
    one, whole = euler[euler["component"].notna()], euler[euler["component"].isna()]
    amplitude, start = figures["sampler_error"].axes
    (line,) = [line for line in amplitude.lines if line.get_label() == "Euler, 10 steps"]
    assert np.allclose(line.get_xydata().T, [one["component"].astype(float), one["amplitude"] / one["std"]])
    heights = [dict(map(tuple, line.get_xydata())).get(80.0) for line in start.lines]
    assert float((whole["distance"] / whole["std"]).iloc[0]) in heights


def test_models_of_the_network(world, figures):
    small, large = figures["analytic_models"].axes[:2]
    assert "mixture, 12 components" not in {line.get_label() for line in small.lines}
    for kind, label in (("stationary", "stationary"), ("mixture-12", "mixture, 12 components")):
        (line,) = [line for line in large.lines if line.get_label() == label]
        gap, norm = world.distances(line.get_xdata(), MAIN, f"n512a/{kind}").sum(2)
        assert np.allclose(line.get_ydata(), np.sqrt(gap / norm))


@pytest.mark.parametrize("square", [0.5, 0.99])
def test_cosine_of_every_weight(world, figures, square):
    networks = [line for line in figures["alpha_sweep"].axes[4].lines if line.get_marker() == "o"]
    first, second = np.sqrt([square, 1 - square])
    line = networks[(0.5, 0.99).index(square)]
    for sigma, height in line.get_xydata():
        _, noisy, output = world.vectors(sigma, MAIN)
        mixed = world.denoise(MAIN, first * noisy + second * turned(noisy, 1), sigma)
        apart = first * output + second * turned(output, 1)
        cosines = (mixed * apart).sum(1) / np.linalg.norm(mixed, axis=1) / np.linalg.norm(apart, axis=1)
        assert np.isclose(height, cosines.mean())


def test_affine_denoisers_have_no_gap(world, figures):
    networks = [line for line in figures["linearity"].axes[5].lines if line.get_color() != style.GREY]
    for sigma, height in networks[0].get_xydata():
        ratios = []
        for half in "ab":
            name = f"n8{half}/ve16r1/i64000"
            _, noisy, output = world.vectors(sigma, name)
            parts = [(share, turned(noisy, step)) for step, share in enumerate((FIRST, SECOND, THIRD))]
            mixed = world.denoise(name, sum(share * part for share, part in parts), sigma)
            apart = sum(share * world.denoise(name, part, sigma) for share, part in parts)
            ratios.append(np.square(mixed - apart).sum() / np.square(output - output.mean(0)).sum())
        assert np.isclose(height, np.mean(ratios))
    data = world.data("linearity")
    assert np.allclose(data.curve("affinity", "n512a/gaussian").value, 0, atol=1e-12)
    assert np.allclose(data.curve("cosine_centred", "n512a/gaussian", at=data.alpha).value, 1)
    assert data.curve("cosine", "n512a/gaussian", at=data.alpha).value.min() < 0.999


def test_nulls_of_weights_are_at_the_most_even_one():
    assert alpha_sweep.most_even([0.09, 0.5, 0.99]) == 0.5
    assert alpha_sweep.most_even([0.1, 0.8]) == 0.8


def test_weights_come_from_the_largest_number_of_noises(world, figures):
    shard = world.measures(MAIN, "")
    where = {"inputs": "heldout", "parameter": "draws", "at": 4096}
    gap, weight = (quantity(shard, name, **where) for name in ("weight_mismatch", "gaussian_weight"))
    line = next(line for line in figures["linear_weights"].axes[1].lines if line.get_marker() == "o")
    assert np.allclose(line.get_xydata().T, [LEVELS[::-1], np.sqrt(gap / weight)])


def test_mismatch_of_distilled_maps(world, figures):
    axes = figures["distillation_inputs"].axes[1]  # held-out images
    (line,) = [line for line in axes.lines if str(line.get_label()).startswith("network, $N$ = 512")]
    for sigma, height in line.get_xydata():
        ratios = []
        for half in "ab":
            _, _, output, gaussian = world.vectors(sigma, f"n512{half}/ve16r1/i64000", f"n512{half}/gaussian")
            spread = np.square(gaussian - world.spectrum(f"n512{half}")[0]).sum()
            ratios.append(np.square(world.linear(MAIN, output, gaussian) - gaussian).sum() / spread)
        assert np.isclose(height, np.mean(ratios))


def test_gradient_descent_approaches_the_exact_optimum(world, figures):
    panels = figures["distillation_course"].axes
    courses = [line.get_ydata() for line in panels[4].lines if len(line.get_xdata()) == 5]
    assert len(courses) == len(LEVELS)
    assert all(np.isclose(course[0] ** 2 - course[-1] ** 2, 1 - np.exp(-10)) for course in courses)
    where = {"inputs": "heldout", "parameter": "draws", "at": 4096}
    gap, weight = (quantity(world.measures(MAIN, ""), name, **where) for name in ("weight_gap", "gaussian_weight"))
    marks = [line.get_ydata()[0] for line in panels[4].lines if line.get_marker() == "D"]
    assert np.allclose(marks, np.sqrt(gap / weight))
    values = world.spectrum("n512a")[1][::-1]
    fitted = [line.get_ydata() for line in panels[7].lines if line.get_color() != style.GREY]
    for sigma, heights in zip(LEVELS[::-1][::2], fitted, strict=True):
        assert np.allclose(heights, 0.9 * values / (values + sigma**2))
    (strip,) = [image for axes in panels for image in axes.images if image.get_clim() == (-1, 1)]
    first = world.spectrum("n512a")[2][:, -1] * world.size**0.5 / distillation_course.SPREAD
    assert np.allclose(strip.get_array()[-8:, :8].filled(np.nan).ravel(), first, atol=2e-3)


def test_overlaps_of_singular_vectors(world, figures):
    solid = [line for line in figures["singular_vectors"].axes[1].lines if line.get_label().startswith("rank")]
    assert [line.get_label() for line in solid] == ["rank 1", "rank 5", "rank 50"]
    for line, rank in zip(solid, (1, 5, 50), strict=True):
        where = {"inputs": "heldout", "parameter": "rank", "at": rank}
        expected = quantity(world.measures(MAIN, ""), "overlap", **where) / rank
        assert expected.std() > 0
        assert np.allclose(line.get_ydata(), expected)


def test_spliced_samples_by_window(world, figures):
    ends, values = splice.by_range(world.data("splice"), world.index.main, "gaussian", "r_c")
    assert ends == [0, 0.3, 3, 80]
    assert np.isnan(values[1, 0]) and np.isnan(values[2, :2]).all() and np.isfinite(values[0]).all()
    whole = world.correlation(world.samples("n512a/gaussian", "exact"), world.samples(MAIN, "heun18"))
    assert np.isclose(values[0, 2], whole, atol=1e-6)  # all levels replaced
    printed = [text.get_text() for text in figures["splice"].axes[9].texts]
    assert len(printed) == 6 and f"{values[0, 2]:.2f}".removeprefix("0") in printed


def test_jacobians(world, figures):
    overlaps, _, taylor = figures["jacobian"].axes[3:6]
    (line,) = [line for line in overlaps.lines if line.get_label() == "first 2 vectors"]
    sigma, heights = line.get_xydata().T
    assert np.allclose(heights, 0.65 * sigma / (2.02 + sigma))
    to_network, to_gaussian = (
        next(line for line in taylor.lines if line.get_color() == colour) for colour in (style.NETWORK, style.GAUSSIAN)
    )
    mean = world.spectrum("n512a")[0]
    for place, sigma in enumerate(to_network.get_xdata()):
        _, _, network, gaussian = world.vectors(sigma, MAIN, "n512a/gaussian")
        gap = 0.9 * (gaussian - mean) + mean - network
        assert np.isclose(to_network.get_ydata()[place], np.sqrt(np.square(gap).mean()))
        assert np.isclose(to_gaussian.get_ydata()[place], 0.1 * np.sqrt(np.square(gaussian - mean).mean()))
    (response,) = [line for line in figures["perturbation"].axes[1].lines if line.get_label() == "push of 1 std"]
    assert np.allclose(response.get_ydata(), np.sqrt(0.97))


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
        ("loss_gap", "heldout", None, 0, r"'heldout' in measures\.inputs"),
        ("model_scale", "grid", "sweeps", "scale", r"grid\.sweeps\.scale"),
        ("architectures", "grid", "sweeps", "architecture", r"grid\.sweeps\.architecture"),
    ],
)
def test_says_which_setting_a_figure_lacks(name, section, key, value, setting):
    content = settings()
    if section == "grid":
        del content["grid"]["sweeps"][value]
    else:
        content[section] = {**content[section], key: value} if key else value
    index = index_of(content)
    assert name not in available(index)
    with pytest.raises(InputError, match=rf"'{name}' of dataset 'digits'.*{setting}"):
        input_files(name, index)


def test_says_which_architecture_a_figure_lacks():
    content = settings()
    content["grid"]["sweeps"]["architecture"]["architectures"] = ["ve", "vp"]
    index = index_of(content)
    assert {"architectures"} == {"architectures", "autoencoders", "baseline_parametrisation"} & set(available(index))
    with pytest.raises(InputError, match="an architecture dae-"):
        input_files("autoencoders", index)
