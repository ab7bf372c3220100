"""Measures along the sweeps, against vectors."""

from __future__ import annotations

import importlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.stats import lognorm

from hidden_gaussian.errors import InputError
from hidden_gaussian.figures import agreement, alpha_sweep, energy_split, identity_distance, linearity, loss_gap
from hidden_gaussian.figures.high_noise_training import share_above
from hidden_gaussian.figures.registry import available, input_files
from hidden_gaussian.noise_schedule import schedule
from hidden_gaussian.plotting import paper_curves
from hidden_gaussian.plotting.curves import Measured
from hidden_gaussian.plotting.entry import alike
from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.settings import Dataset
from hidden_gaussian.tables import formulas
from synthetic_arrays import IMAGES, LEVELS, MAIN, settings
from synthetic_results import World

SMALL = "n8a/ve16r1/i64000"


def drawn(world: World, name: str) -> Figure:
    return importlib.import_module(f"hidden_gaussian.figures.{name}").draw(world.data(name))


def vectors(world: World, sigma: float, *ids: str, subset: str = "") -> list[np.ndarray]:
    """Clean and noisy images and the outputs of denoisers."""
    clean, noisy = world.noisy(sigma, subset)
    return [clean, noisy, *(world.denoise(identifier, noisy, sigma) for identifier in ids)]


def test_position_is_a_projection(world):
    measured = Measured(world.data("position"))
    tables = measured.distances([MAIN])
    for formula, expected in ((formulas.position, "along"), (formulas.off_axis, "aside")):
        found = measured.combined(tables, formula)
        for place, sigma in enumerate(found.x):
            _, _, network, gaussian, empirical = vectors(world, sigma, MAIN, "n512a/gaussian", "n512a/empirical")
            own, axis = network - gaussian, empirical - gaussian
            along = (own * axis).sum() / np.square(axis).sum()
            rest = np.square(own - along * axis).sum() / np.square(axis).sum()
            assert np.isclose(found.value[place], along if expected == "along" else rest, atol=1e-6)


def test_energy_is_stacked_only_where_it_adds_up(world):
    figure = drawn(world, "energy_split")
    panel = next(axes for axes in figure.axes if "parts" in axes.get_title("left"))
    bars = [patch for patch in panel.patches if isinstance(patch, Rectangle)]
    assert len(bars) == 2 * 3  # of four sizes
    assert [line.get_xdata()[0] for line in panel.lines if line.get_marker() == "D"] == [0]  # 8 images
    measured = Measured(world.data("energy_split"))
    assert np.allclose(energy_split.cross(measured, [MAIN]).value, 0, atol=1e-9)
    assert np.allclose(energy_split.cross(measured, [SMALL]).value, 1 - 0.7**2 - 0.3**2)
    rho = measured.rho(["n32a/ve16r1/i64000", "n32b/ve16r1/i64000"]).value[0]
    tops = sorted(bar.get_y() + bar.get_height() for bar in bars)
    assert np.isclose(tops[-1], rho)


def test_gap_of_losses(world):
    found = loss_gap.gap(Measured(world.data("loss_gap")), [SMALL])
    for place, sigma in enumerate(found.x):
        losses = []
        for subset in ("", "n8a"):
            clean, _, network, gaussian = vectors(world, sigma, SMALL, "n8a/gaussian", subset=subset)
            losses.append([np.square(output - clean).sum(1).mean() for output in (network, gaussian)])
        (held, unit), (train, _) = losses
        assert np.isclose(found.value[place], (held - train) / unit)
        assert found.low[place] <= found.value[place] <= found.high[place]


def test_correlation_with_the_input(world):
    found = identity_distance.decorrelation(Measured(world.data("identity_distance")), [MAIN])
    for place, sigma in enumerate(found.x):
        _, noisy, output = vectors(world, sigma, MAIN)
        a, b = (noisy - noisy.mean(0)).ravel(), (output - output.mean(0)).ravel()
        assert np.isclose(found.value[place], 1 - np.corrcoef(a, b)[0, 1], atol=1e-6)


def test_identity_predicts_what_remains_without_noise(world):
    figure = drawn(world, "low_noise")
    predicted = figure.axes[1].lines[0].get_ydata()
    for height, subset in zip(predicted, ("n8", "n32", "n128", "n512"), strict=True):
        squares = []
        for half in "ab":
            training = world.flat(world.indices(f"{subset}{half}"))
            basis = np.linalg.svd(training - training.mean(0), full_matrices=False)
            spanned = basis[2][basis[1] > 1e-9 * basis[1][0]]
            images = world.flat(world.heldout[:IMAGES]) - training.mean(0)
            squares.append(np.square(images - images @ spanned.T @ spanned).sum(1).mean() / world.size)
        assert np.isclose(height, np.sqrt(np.mean(squares)), atol=3e-3)


def test_nulls_are_pooled_over_the_halves_that_networks_are(world):
    """As the curves beside them: of both subsets of the smallest size, and of both of the largest."""
    axes = drawn(world, "low_noise").axes[0]
    nulls = [line for line in axes.lines if "$N$" in line.get_label()]
    assert [line.get_label() for line in nulls] == ["identity, largest $N$", "identity, smallest $N$"]
    for line, size in zip(nulls, (512, 8), strict=True):
        for sigma, height in line.get_xydata():
            gaps = [vectors(world, sigma, f"n{size}{half}/gaussian", f"n{size}{half}/identity")[2:] for half in "ab"]
            assert np.isclose(height, np.sqrt(np.mean([np.square(a - b).mean() for a, b in gaps])))


def test_share_of_training_above_a_level():
    for sigma in (0.3, 4.07, 9.7, 80.0):
        assert np.isclose(share_above(sigma, -1.2, 1.2), lognorm(s=1.2, scale=np.exp(-1.2)).sf(sigma))


def test_training_clock_rings_the_minimum_and_marks_the_warm_up(world):
    figure = drawn(world, "training_clock")
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 4]
    rings = [line for line in figure.axes[0].lines if line.get_markersize() == 7]
    assert len(curves) == len(rings) == 4
    for curve, ring in zip(curves, rings, strict=True):
        assert curve.get_ydata().min() == ring.get_ydata()[0]
    (shade,) = figure.axes[0].patches
    assert np.isclose(shade.get_x() + shade.get_width(), world.dataset.training.warmup)


def test_training_clock_follows_the_same_runs_everywhere(world):
    """The size sweep has half b too, at its end alone; a size with one snapshot keeps both halves."""
    assert {cell.half for cell in alike(world.index)} == {"a"}
    assert alike(world.index.only(["time", "clock"])) == alike(world.index)
    bare = alike(world.index.only(["time", "size"]))
    assert {(cell.subset_size, cell.half) for cell in bare if cell.subset_size < 128} == {(8, "a"), (8, "b"), (32, "a")}


def test_training_clock_follows_half_a_where_the_other_was_kept_more_often():
    content = settings()
    runs = [(8, ["a"], [6400]), (8, ["b"], [640, 6400]), (128, ["a", "b"], [640, 6400])]
    content["grid"]["runs"] += [
        {"subset_sizes": [size], "halves": halves, "scales": [2], "snapshots": kept} for size, halves, kept in runs
    ]
    every = {"scales": [2], "architectures": ["ve"], "images_seen": "all"}
    content["grid"]["sweeps"] |= {"time": {**every, "subset_sizes": [128]}, "clock": every}
    cells = alike(ResultsIndex.of("digits", Dataset.model_validate(content)))
    assert [cell.id for cell in cells if cell.subset_size == 8] == ["n8a/ve2r1/i6400"]
    assert len(cells) == 5


def test_agreement_over_sizes(world):
    figure = drawn(world, "agreement")
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "Gaussian a to b"]
    mean = world.flat(world.indices("n512a")).mean(0)
    for size, height in line.get_xydata():
        a, b = (world.samples(f"n{int(size)}{half}/gaussian", "exact").reshape(-1, 64) - mean for half in "ab")
        assert np.isclose(height, (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b), atol=1e-6)


def test_pairs_of_other_networks_are_no_part_of_the_curve(tmp_path):
    """The small halves have another scale than the size sweep."""
    content = settings()
    content["grid"]["sweeps"]["size"] |= {"halves": ["a"], "subset_sizes": [32, 512]}
    content["grid"]["sweeps"]["halves_small"] = {"subset_sizes": [32], "scales": [4]}
    own = World(tmp_path, content)
    for relative in input_files("agreement", own.index):
        own.write_one(relative)
    axes = agreement.draw(own.data("agreement")).axes[0]
    (line,) = [line for line in axes.lines if line.get_label() == "network a to b"]
    (pair,) = [one for one in axes.containers if one.get_label() == "ve, scale 4, 64k images seen, a to b"]
    mean = own.flat(own.indices("n512a")).mean(0)
    for scale, height in ((16, line.get_ydata()[0]), (4, pair[0].get_ydata()[0])):
        a, b = (own.samples(f"n32{half}/ve{scale}r1/i64000", "heun18").reshape(-1, 64) - mean for half in "ab")
        assert np.isclose(height, (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b), atol=1e-6)


def test_stationary_pair_is_a_reference_or_marked_as_absent(world):
    (line,) = [line for line in drawn(world, "agreement").axes[0].lines if line.get_label() == "stationary a to b"]
    mean = world.flat(world.indices("n512a")).mean(0)
    for size, height in line.get_xydata():
        own = (world.spectrum(f"n{int(size)}{half}") for half in "ab")
        a, b = (centre - mean + world.latents * np.sqrt(values.mean()) for centre, values, _ in own)
        assert np.isclose(height, (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b), atol=1e-6)
    data = world.data("agreement")
    bare = replace(data, declared=frozenset(path for path in data.declared if path.parent.name != "stationary"))
    assert "stationary a to b: absent" in [line.get_label() for line in agreement.draw(bare).axes[0].lines]


def test_outputs_at_sigma_4(world):
    (image, *_) = drawn(world, "outputs_sigma4").axes[0].images
    sigma, (clean, noise) = schedule(10)[4], (world.flat(world.heldout[:1]), world.noise[:1])
    for left, signal in ((0, clean), (5 * 9 + 2, 0 * clean)):  # a block: what noise is added to, then four sizes
        shown = image.get_array()[:8, left : left + 17].filled(np.nan)
        assert np.allclose(shown[:, :8].ravel(), signal, atol=1e-3)
        assert np.allclose(shown[:, 9:].ravel(), world.denoise(SMALL, signal + sigma * noise, sigma), atol=1e-3)


def test_every_network_gets_the_same_inputs(world):
    """Below a network are the Gaussian and the memoriser of its own subset, on the same input."""
    (image, *_) = drawn(world, "high_noise").axes[0].images
    noisy = world.flat(world.heldout[:1]) + 80 * world.noise[:1]
    for column, size in enumerate((8, 32, 128, 512), start=1):
        for row, name in enumerate(("ve16r1/i64000", "gaussian", "empirical")):
            shown = image.get_array()[9 * row : 9 * row + 8, 9 * column : 9 * column + 8].filled(np.nan)
            assert np.allclose(shown.ravel(), world.denoise(f"n{size}a/{name}", noisy, 80.0), atol=1e-3)


def test_autoencoders_are_read_from_the_euler_sampler(world):
    files = input_files("autoencoders", world.index)
    assert "n32a/dae-ve16r1/i64000/memorisation_euler10.parquet" in files
    assert "n32a/ve16r1/i64000/memorisation_heun18.parquet" in files
    assert not [path for path in files if "baseline" in path]


def test_the_papers_curves_are_drawn_on_ffhq_alone(world, monkeypatch):
    """Extremes as the paper's pictures have them; only curves of sizes and weights that were measured are drawn."""
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


def _without(*sweeps: str, **changes: object) -> ResultsIndex:
    content = settings(**changes)
    for sweep in sweeps:
        del content["grid"]["sweeps"][sweep]
    return ResultsIndex.of("digits", Dataset.model_validate(content))


@pytest.mark.parametrize(("name", "sweep"), [("model_scale", "scale"), ("architectures", "architecture")])
def test_says_which_setting_a_figure_lacks(name, sweep):
    index = _without(sweep)
    assert name not in available(index)
    with pytest.raises(InputError, match=rf"'{name}' of dataset 'digits'.*grid\.sweeps\.{sweep}"):
        input_files(name, index)


def test_says_which_images_and_architectures_a_figure_lacks():
    with pytest.raises(InputError, match=r"'heldout' in measures\.inputs"):
        input_files("loss_gap", _without(heldout=0))
    content = settings()
    content["grid"]["sweeps"]["architecture"]["architectures"] = ["ve", "vp"]
    index = ResultsIndex.of("digits", Dataset.model_validate(content))
    assert {"architectures"} == {"architectures", "autoencoders", "baseline_parametrisation"} & set(available(index))
    with pytest.raises(InputError, match="an architecture dae-"):
        input_files("autoencoders", index)


def test_marks_what_is_absent(world):
    index = world.index.only(["size"])
    data = FigureData.of(world.root, index, [str(world.root / path) for path in input_files("position", index)])
    texts = [text.get_text() for axes in importlib.import_module("hidden_gaussian.figures.position").draw(data).axes
             for text in axes.texts]  # fmt: skip
    assert texts == [f"absent: the settings have no grid.sweeps.{sweep}" for sweep in ("scale", "time")]


def test_levels_of_the_window_are_those_of_its_panels(world):
    figure = drawn(world, "position")
    measured = Measured(world.data("position"))
    networks = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert all(list(line.get_xdata()) == measured.window_levels() for line in networks)
    assert all(low < high for low, high in pairwise(measured.window_levels()))
    assert set(measured.window_levels()) < set(LEVELS)
