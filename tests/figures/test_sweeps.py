"""Curves along the sweeps and over the noise levels, against vectors: means over halves of each network's metric."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from scipy.stats import lognorm

from hidden_gaussian.figures import alpha_sweep, linearity
from hidden_gaussian.figures.high_noise_training import share_above
from hidden_gaussian.figures.registry import draw, input_files
from hidden_gaussian.noise_schedule import schedule
from hidden_gaussian.plotting import paper_curves
from hidden_gaussian.plotting.entry import alike
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.settings import Dataset
from synthetic_arrays import LEVELS, MAIN, settings
from synthetic_results import World

ASCENDING = LEVELS[::-1]
SIZES = (8, 32, 128, 512)
END = "ve16r1/i64000"
SMALL = f"n8a/{END}"


def curve(axes: Axes, label: str) -> np.ndarray:
    """The x and y of the line whose label begins so."""
    (line,) = [line for line in axes.lines if str(line.get_label()).startswith(label)]
    return np.asarray(line.get_xydata()).T


def test_distances_to_the_gaussian(world, figures):
    gap, norm = world.distances(ASCENDING, MAIN, "n512a/gaussian")
    for name, panel, expected in (
        ("denoiser_distance", 0, np.sqrt(gap.mean(1) / world.size)),
        ("denoiser_distance", 1, np.sqrt(gap.mean(1) / norm.mean(1))),
        ("normalised_distance", 1, np.sqrt(gap / norm).mean(1)),
    ):
        sigma, heights = curve(figures[name].axes[panel], "network to Gaussian")
        assert np.allclose(sigma, ASCENDING) and np.allclose(heights, expected)


def test_distances_of_linear_maps_are_free_of_the_noise_of_the_fit(world, figures):
    expected: dict[str, list[float]] = {"network to linear": [], "linear to Gaussian": []}
    explained = []
    for sigma in ASCENDING:
        left = []
        for half in "ba":
            _, _, output, gaussian = world.vectors(sigma, f"n512{half}/{END}", f"n512{half}/gaussian")
            fitted = world.linear(MAIN, output, gaussian)
            left.append(np.square(output - fitted).sum() / np.square(output - output.mean(0)).sum())
        explained.append(1 - np.mean(left))
        for label, gap in (("network to linear", output - fitted), ("linear to Gaussian", fitted - gaussian)):
            expected[label].append(np.sqrt(np.square(gap).sum() / np.square(output).sum()))
    for label, heights in expected.items():
        assert np.allclose(curve(figures["denoiser_distance"].axes[1], label)[1], heights)
    networks = [line for line in figures["residual_linearity"].axes[2].lines if line.get_marker() == "o"]
    assert np.allclose(networks[-1].get_ydata(), explained)


@pytest.mark.parametrize(("label", "size", "kind"), [("32:", 32, END), ("empirical, $N$ = 8", 8, "empirical")])
def test_a_metric_of_two_halves_is_the_mean_of_both(world, figures, label, size, kind):
    pairs = [(f"n{size}{half}/{kind}", f"n{size}{half}/gaussian") for half in "ab"]
    parts = [world.distances(ASCENDING, *pair).mean(2) for pair in pairs]
    heights = np.mean([np.sqrt(gap / norm) for gap, norm in parts], axis=0)
    assert np.allclose(curve(figures["dataset_size"].axes[0], label)[1], heights)


def test_rho_is_pooled_over_the_window(world, figures):
    scale = world.distances(ASCENDING, "n512a/empirical", "n512a/gaussian", "n512a")[0].mean(1)
    window = ASCENDING[scale > scale.max() / 2]
    assert 0 < len(window) < len(ASCENDING)
    whole = world.distances(window, "n32a/empirical", "n32a/gaussian")[0].sum()
    line = figures["training_time"].axes[1].lines[0]
    assert np.allclose(line.get_xdata(), [64, 640, 6400, 64000])
    gaps = [world.distances(window, f"n32a/ve16r1/i{seen:.0f}", "n32a/gaussian")[0] for seen in line.get_xdata()]
    assert np.allclose(line.get_ydata(), [gap.sum() / whole for gap in gaps])


def test_levels_of_the_window_are_those_of_its_panels(world, figures):
    levels = world.data("position").window_levels
    networks = [line for line in figures["position"].axes[0].lines if line.get_marker() == "o"]
    assert networks and all(tuple(line.get_xdata()) == levels for line in networks)
    assert all(low < high for low, high in pairwise(levels))
    assert set(levels) < set(LEVELS)


def test_energy_is_stacked_only_where_it_adds_up(world, figures):
    panel = next(axes for axes in figures["energy_split"].axes if "parts" in axes.get_title("left"))
    bars = [patch for patch in panel.patches if isinstance(patch, Rectangle)]
    assert len(bars) == 2 * 3  # of four sizes
    assert [line.get_xdata()[0] for line in panel.lines if line.get_marker() == "D"] == [0]  # 8 images
    data = world.data("energy_split")
    assert np.allclose(data.curve("energy_cross", MAIN).value, 0, atol=1e-9)
    assert np.allclose(data.curve("energy_cross", SMALL).value, 1 - 0.7**2 - 0.3**2)
    rho = data.in_window("rho", [f"n32a/{END}", f"n32b/{END}"]).value[0]
    tops = sorted(bar.get_y() + bar.get_height() for bar in bars)
    assert np.isclose(tops[-1], rho)


def test_gap_of_losses_is_relative_to_the_gaussians_gap(world, figures):
    first = next(line for line in figures["loss_gap"].axes[0].lines if line.get_marker() == "o")
    for sigma, height in first.get_xydata():
        ratios = []
        for half in "ab":
            losses = []
            for subset in ("", f"n8{half}"):
                clean, _, *outputs = world.vectors(sigma, f"n8{half}/{END}", f"n8{half}/gaussian", subset=subset)
                losses.append([np.square(output - clean).sum(1).mean() for output in outputs])
            network, gaussian = np.subtract(*losses)
            ratios.append(network / gaussian)
        assert np.isclose(height, np.mean(ratios))


def test_correlation_with_the_input(world, figures):
    networks = [line for line in figures["identity_distance"].axes[1].lines if line.get_marker() == "o"]
    for sigma, height in networks[-1].get_xydata():
        parts = []
        for half in "ab":
            _, noisy, output = world.vectors(sigma, f"n512{half}/{END}")
            a, b = (noisy - noisy.mean(0)).ravel(), (output - output.mean(0)).ravel()
            parts.append(1 - np.corrcoef(a, b)[0, 1])
        assert np.isclose(height, np.mean(parts), atol=1e-6)


def test_share_of_training_above_a_level():
    for sigma in (0.3, 4.07, 9.7, 80.0):
        assert np.isclose(share_above(sigma, -1.2, 1.2), lognorm(s=1.2, scale=np.exp(-1.2)).sf(sigma))


def test_training_clock_rings_the_minimum_and_marks_the_warm_up(world, figures):
    panel = figures["training_clock"].axes[0]
    series = [line for line in panel.lines if len(line.get_xdata()) == 4]
    rings = [line for line in panel.lines if line.get_markersize() == 7]
    assert [line.get_ydata().min() for line in series] == [ring.get_ydata()[0] for ring in rings]
    assert len(series) == 4
    (shade,) = panel.patches
    assert np.isclose(shade.get_x() + shade.get_width(), world.dataset.training.warmup)


def test_training_clock_follows_the_same_runs_everywhere(world):
    """The size sweep has half b too, at its end alone; a size with one checkpoint keeps both halves."""
    assert {cell.half for cell in alike(world.index)} == {"a"}
    assert alike(world.index.only(["time", "clock"])) == alike(world.index)
    bare = alike(world.index.only(["time", "size"]))
    assert {(cell.subset_size, cell.half) for cell in bare if cell.subset_size < 128} == {(8, "a"), (8, "b"), (32, "a")}


def test_training_clock_follows_half_a_where_the_other_has_more_checkpoints():
    content = settings()
    runs = [(8, ["a"], [6400]), (8, ["b"], [640, 6400]), (128, ["a", "b"], [640, 6400])]
    content["grid"]["runs"] += [
        {"subset_sizes": [size], "halves": halves, "scales": [2], "snapshots": seen} for size, halves, seen in runs
    ]
    every = {"scales": [2], "architectures": ["ve"], "images_seen": "all"}
    content["grid"]["sweeps"] |= {"time": {**every, "subset_sizes": [128]}, "clock": every}
    cells = alike(ResultsIndex.of("digits", Dataset.model_validate(content)))
    assert [cell.id for cell in cells if cell.subset_size == 8] == ["n8a/ve2r1/i6400"]
    assert len(cells) == 5


def test_scores_of_copying(world, figures):
    def scores(identifier: str, sampler: str) -> list[float]:
        nearest, second, norm = world.nearest(identifier, sampler)
        return [(nearest / norm).mean(), (nearest < second / 3).mean()]

    networks = [np.mean([scores(f"n{size}{half}/{END}", "heun18") for half in "ab"], axis=0) for size in SIZES]
    gaussians = np.mean([scores(f"n8{half}/gaussian", "exact") for half in "ab"], axis=0)
    for panel, axes in enumerate(figures["generalisation_score"].axes):
        sizes, heights = curve(axes, "network")
        assert np.allclose(sizes, SIZES) and np.allclose(heights, np.array(networks)[:, panel])
        assert np.isclose(curve(axes, "Gaussian samples")[1, 0], gaussians[panel])


def test_nearest_images_are_training_images(world, figures):
    (image,) = figures["samples"].axes[0].images
    training = world.flat(world.indices("n512a"))
    sample = world.samples(MAIN, "heun18")[0].ravel()
    nearest = training[np.linalg.norm(training - sample, axis=1).argmin()]
    assert np.allclose(image.get_array()[:8, :8].filled(np.nan).ravel(), nearest, atol=1e-6)


@pytest.mark.parametrize(("kind", "sampler"), [("gaussian", "exact"), ("stationary", "heun18")])
def test_agreement_over_sizes(world, figures, kind, sampler):
    label = f"{kind.replace('g', 'G')} a to b"
    for size, height in curve(figures["agreement"].axes[0], label).T:
        pair = (world.samples(f"n{size:.0f}{half}/{kind}", sampler) for half in "ab")
        assert np.isclose(height, world.correlation(*pair), atol=1e-6)


def test_a_stationary_pair_that_was_not_sampled_is_marked_as_absent(world):
    data = world.data("agreement")
    bare = replace(data, declared=frozenset(path for path in data.declared if path.parent.name != "stationary"))
    labels = [line.get_label() for line in draw("agreement", bare).axes[0].lines]
    assert "stationary a to b: absent" in labels


def test_pairs_of_other_networks_are_no_part_of_the_curve(tmp_path):
    """The small halves have another scale than the size sweep."""
    content = settings()
    content["grid"]["sweeps"]["size"] |= {"halves": ["a"], "subset_sizes": [32, 512]}
    content["grid"]["sweeps"]["halves_small"] = {"subset_sizes": [32], "scales": [4]}
    own, figure = World.of_one_figure(tmp_path, content, "agreement")
    axes = figure.axes[0]
    (other,) = [one for one in axes.containers if one.get_label() == "ve, scale 4, 64k images seen, a to b"]
    heights = {16: curve(axes, "network a to b")[1, 0], 4: other[0].get_ydata()[0]}
    for scale, height in heights.items():
        pair = (own.samples(f"n32{half}/ve{scale}r1/i64000", "heun18") for half in "ab")
        assert np.isclose(height, own.correlation(*pair), atol=1e-6)


def test_outputs_at_sigma_4(world, figures):
    (image, *_) = figures["outputs_sigma4"].axes[0].images
    sigma, (clean, noise) = schedule(10)[4], (world.flat(world.heldout[:1]), world.noise[:1])
    for left, signal in ((0, clean), (5 * 9 + 2, 0 * clean)):  # a block: what noise is added to, then four sizes
        pixels = image.get_array()[:8, left : left + 17].filled(np.nan)
        assert np.allclose(pixels[:, :8].ravel(), signal, atol=1e-3)
        assert np.allclose(pixels[:, 9:].ravel(), world.denoise(SMALL, signal + sigma * noise, sigma), atol=1e-3)


def test_every_network_gets_the_same_inputs(world, figures):
    """Below a network are the Gaussian and the empirical denoiser of its own subset, on the same input."""
    (image, *_) = figures["high_noise"].axes[0].images
    noisy = world.flat(world.heldout[:1]) + 80 * world.noise[:1]
    for column, size in enumerate(SIZES, start=1):
        for row, name in enumerate((END, "gaussian", "empirical")):
            pixels = image.get_array()[9 * row : 9 * row + 8, 9 * column : 9 * column + 8].filled(np.nan)
            assert np.allclose(pixels.ravel(), world.denoise(f"n{size}a/{name}", noisy, 80.0), atol=1e-3)


def test_outputs_along_a_trajectory_are_recovered_from_the_states(world, figures):
    (image,) = figures["denoising_outputs"].axes[0].images
    states = world.trajectories("n512a/gaussian").astype(np.float64)
    for step, sigma in enumerate(schedule(10)):
        pixels = image.get_array()[18:26, 9 * step : 9 * step + 8].filled(np.nan)
        expected = world.denoise("n512a/gaussian", states[:1, step].reshape(1, -1), sigma)
        assert np.allclose(pixels.ravel(), expected, atol=2e-5)  # states are float32


def test_autoencoders_are_read_from_the_euler_sampler(world):
    files = input_files("autoencoders", world.index)
    assert "n32a/dae-ve16r1/i64000/memorisation_euler10.parquet" in files
    assert f"n32a/{END}/memorisation_heun18.parquet" in files
    assert not [path for path in files if "baseline" in path]


def test_the_papers_curves_are_drawn_on_ffhq_alone(world, monkeypatch):
    """Extremes as in the paper's figures; only curves of sizes and weights that were measured are drawn."""
    assert np.nanmin(paper_curves.by_size("cosine")[70000][1]) == 0.973
    assert np.nanmin(paper_curves.by_size("cosine")[1094][1]) == 0.862
    assert np.isclose(np.nanmax(paper_curves.by_size("additivity_ratio")[1094][1][13:]), 0.5, atol=0.004)
    assert np.isclose(np.nanmin(paper_curves.by_alpha("cosine", "noise")[0.5][1]), 0.933, atol=0.002)
    assert np.isclose(np.nanmax(paper_curves.by_alpha("additivity_ratio", "noise")[0.5][1]), 0.363, atol=0.004)
    two = np.array([[1, 10], [0.9, 0.8]])
    monkeypatch.setattr(paper_curves, "by_size", lambda score: {8: two, 9: two})
    monkeypatch.setattr(paper_curves, "by_alpha", lambda score, inputs: {0.992: two, 0.7: two})
    monkeypatch.setattr(paper_curves, "SIZE", 512)
    for module, panels in ((linearity, (0, 3)), (alpha_sweep, (4, 5, 8, 9))):
        data = world.data(module.__name__.split(".")[-1])
        for name in ("digits", "ffhq"):
            figure = module.draw(replace(data, index=replace(data.index, name=name)))
            for index, axes in enumerate(figure.axes):
                dotted = [line for line in axes.lines if line.get_linestyle() == ":" and len(line.get_xdata()) == 2]
                assert len(dotted) == (name == "ffhq" and index in panels)
