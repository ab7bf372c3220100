"""Figures show the numbers of the shards, and read no file that their rule does not declare."""

from __future__ import annotations

import importlib
import runpy
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.text import Text

from hidden_gaussian.figures import generalisation_score, linearity, overview, residual_linearity
from hidden_gaussian.figures.denoising_outputs import outputs
from hidden_gaussian.figures.linear_weights import over_sigma, weights
from hidden_gaussian.figures.linearity import affinity, cosine
from hidden_gaussian.figures.registry import ENTRIES, input_files, visible
from hidden_gaussian.noise_schedule import schedule
from hidden_gaussian.plotting import distance_curves as distances_drawn
from hidden_gaussian.plotting import memorisation, style
from hidden_gaussian.plotting.curves import Curve, Measured
from hidden_gaussian.plotting.figure_data import FigureData
from hidden_gaussian.storage import parquet
from smoke_study import ROOT
from synthetic_arrays import LEVELS, MAIN, settings
from synthetic_results import World

NAMES = list(ENTRIES)


@dataclass(frozen=True)
class Recorded(FigureData):
    """Remembers what was read."""

    read: set[Path] = field(default_factory=set)

    def _path(self, relative: str) -> Path:
        self.read.add(self.root / relative)
        return super()._path(relative)


@pytest.fixture(scope="module")
def recorded(world) -> dict[str, Recorded]:
    data = {name: world.data(name) for name in NAMES}
    return {name: Recorded(one.root, one.index, one.declared) for name, one in data.items()}


@pytest.fixture(scope="module")
def figures(recorded) -> dict[str, Figure]:
    return {name: module(name).draw(data) for name, data in recorded.items()}


def module(name: str) -> ModuleType:
    return importlib.import_module(f"hidden_gaussian.figures.{name}")


def curve(figure: Figure, panel: int, label: str) -> np.ndarray:
    (line,) = [line for line in figure.axes[panel].lines if line.get_label() == label]
    return np.asarray(line.get_xydata())


def distances(world: World, first: str, second: str, subset: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Squared distance and squared length of the first, (levels, images), ascending in sigma; on held-out images."""
    gaps, norms = [], []
    for sigma in LEVELS[::-1]:
        _, noisy = world.noisy(sigma, subset)
        a, b = world.denoise(first, noisy, sigma), world.denoise(second, noisy, sigma)
        gaps.append(np.square(a - b).sum(1))
        norms.append(np.square(a).sum(1))
    return np.stack(gaps), np.stack(norms)


def images_of(figure: Figure) -> list[AxesImage]:
    return [image for axes in figure.axes for image in axes.images]


@pytest.mark.parametrize("name", ["linearity", "samples", "energy_split"])
def test_prints_in_both_formats(figures, name, tmp_path):
    for suffix in ("pdf", "png"):
        figures[name].savefig(tmp_path / f"figure.{suffix}")
        assert (tmp_path / f"figure.{suffix}").stat().st_size > 10_000


@pytest.mark.parametrize("name", NAMES)
def test_letters_are_large_enough_and_inside(figures, name):
    figure = figures[name]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # which lays it out
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            assert text.get_fontsize() >= 7, text.get_text()
    drawn = figure.get_tightbbox(canvas.get_renderer())  # in inches; of what is drawn, so not of ticks beyond the ends
    assert drawn.x0 >= -0.02
    assert drawn.x1 <= figure.get_size_inches()[0] + 0.02


@pytest.mark.parametrize("name", NAMES)
def test_declared_files_are_read_and_no_others(world, figures, recorded, name):
    assert figures[name]
    assert recorded[name].read == recorded[name].declared


def test_refuses_a_file_that_is_not_declared(world):
    with pytest.raises(KeyError, match="does not declare"):
        world.data("denoiser_distance").measures("n8a/gaussian")


@pytest.mark.parametrize("name", NAMES)
def test_image_strips_share_one_range(figures, name):
    for image in images_of(figures[name]):
        assert image.get_clim() == (-1, 1)


def test_distances_to_the_gaussian(world, figures):
    gap, norm = distances(world, MAIN, "n512a/gaussian")
    drawn = curve(figures["denoiser_distance"], 1, "network to Gaussian")
    assert np.allclose(drawn[:, 0], LEVELS[::-1])
    assert np.allclose(drawn[:, 1], np.sqrt(gap.mean(1) / norm.mean(1)))
    drawn = curve(figures["denoiser_distance"], 0, "network to Gaussian")
    assert np.allclose(drawn[:, 1], np.sqrt(gap.mean(1) / world.size))
    drawn = curve(figures["normalised_distance"], 1, "network to Gaussian")
    assert np.allclose(drawn[:, 1], np.sqrt(gap / norm).mean(1))
    null_gap, null_norm = distances(world, "n8a/empirical", "n8a/gaussian")
    drawn = curve(figures["memorisation"], 0, "empirical to Gaussian")
    assert np.allclose(drawn[:, 1], np.sqrt(null_gap.mean(1) / null_norm.mean(1)))


def test_distances_of_linear_maps_are_free_of_the_noise_of_the_fit(world, figures):
    expected: dict[str, list[float]] = {"network to linear": [], "linear to Gaussian": [], "linear": []}
    for sigma in LEVELS[::-1]:
        _, noisy = world.noisy(sigma, "")
        output, gaussian = (world.denoise(name, noisy, sigma) for name in (MAIN, "n512a/gaussian"))
        fitted = world.linear(MAIN, output, gaussian)
        for label, gap in (("network to linear", output - fitted), ("linear to Gaussian", fitted - gaussian)):
            expected[label].append(np.sqrt(np.square(gap).sum() / np.square(output).sum()))
        expected["linear"].append(1 - np.square(output - fitted).sum() / np.square(output - output.mean(0)).sum())
    for label in ("network to linear", "linear to Gaussian"):
        assert np.allclose(curve(figures["denoiser_distance"], 1, label)[:, 1], expected[label])
    found = residual_linearity.explained(Measured(world.data("residual_linearity")), [MAIN], "norm_centred")
    assert np.allclose(found.value, expected["linear"])


def test_lines_that_noise_takes_below_zero_stay_in_view():
    first, second = style.new(2).subplots(1, 2, sharey=True)
    for axes, heights in ((first, [0.2, 0.8]), (second, [-0.1, 0.5])):
        axes.plot([1, 2], heights)
    first.plot([], [], label="absent")
    distances_drawn.begin_at_zero(first, 1)
    assert second.get_ylim()[0] < -0.1 and second.get_ylim()[1] == 1


def test_halves_are_pooled_along_the_size(world, figures):
    parts = [distances(world, f"n32{half}/ve16r1/i64000", f"n32{half}/gaussian") for half in "ab"]
    gap, norm = (sum(part[index].mean(1) for part in parts) for index in (0, 1))
    (line,) = [line for line in figures["dataset_size"].axes[0].lines if str(line.get_label()).startswith("32:")]
    assert np.allclose(line.get_ydata(), np.sqrt(gap / norm))
    parts = [distances(world, f"n8{half}/empirical", f"n8{half}/gaussian") for half in "ab"]
    gap, norm = (sum(part[index].mean(1) for part in parts) for index in (0, 1))
    assert np.allclose(curve(figures["dataset_size"], 0, "empirical, $N$ = 8")[:, 1], np.sqrt(gap / norm))


def test_rho_is_pooled_over_the_window(world, figures):
    scale = distances(world, "n512a/empirical", "n512a/gaussian", "n512a")[0].mean(1)
    window = scale > scale.max() / 2
    assert 0 < window.sum() < len(window)
    heights = []
    for seen in (64, 640, 6400, 64000):
        gap = distances(world, f"n32a/ve16r1/i{seen}", "n32a/gaussian")[0]
        heights.append(gap[window].sum() / distances(world, "n32a/empirical", "n32a/gaussian")[0][window].sum())
    line = figures["training_time"].axes[1].lines[0]
    assert np.allclose(line.get_ydata(), heights)
    assert np.allclose(line.get_xdata(), [64, 640, 6400, 64000])


def test_affine_denoisers_have_no_gap(world):
    measured = Measured(world.data("linearity"))
    assert np.allclose(affinity(measured, ["n512a/gaussian"]).value, 0, atol=1e-12)
    assert np.allclose(cosine(measured, ["n512a/gaussian"], "_centred").value, 1)
    assert cosine(measured, ["n512a/gaussian"]).value.min() < 0.999
    assert affinity(measured, ["n8a/empirical"]).value.max() > 0.2


def test_memorising_curves_are_dashed(figures):
    key = {text.get_text().split(":")[0]: line for legend in figures["linearity"].legends for text, line in
           zip(legend.get_texts(), legend.get_lines(), strict=True)}  # fmt: skip
    assert key["8"].get_linestyle() == "--"
    assert key["512"].get_linestyle() == "-"


@pytest.mark.parametrize("name", ["linearity", "overview"])
def test_none_is_marked_as_memorising_without_photographs(world, name):
    data = world.data(name)
    bare = replace(data, declared=frozenset(path for path in data.declared if path.parent.name != "nulls"))
    assert not memorisation.Copying.of(bare, "n8a/ve16r1/i64000").memorises
    figure = module(name).draw(bare)
    texts = [text.get_text() for legend in figure.findobj(Legend) for text in (legend.get_title(), *legend.get_texts())]
    assert any("memorising not judged" in text for text in texts)
    assert not [line for line in figure.axes[0].lines if line.get_markersize() == overview.RING["markersize"]]
    assert name == "overview" or not [line for line in figure.axes[5].lines if line.get_linestyle() == "--" and
                                      line.get_color() != style.GREY]  # fmt: skip


def test_an_untrained_network_is_a_null_where_it_was_kept(tmp_path):
    content = settings()
    content["grid"]["runs"][0]["snapshots"] = [0, 64, 640, 6400, 64000]
    own = World(tmp_path, content)
    for relative in input_files("linearity", own.index):
        own.write_one(relative)
    axes = module("linearity").draw(own.data("linearity")).axes[5]
    expected = affinity(Measured(own.data("linearity")), ["n512a/ve16r1/i0"]).value
    assert any(np.array_equal(line.get_ydata(), expected) and line.get_color() == style.GREY for line in axes.lines)


def test_outputs_are_recovered_from_the_states(world):
    states = world.trajectories("n512a/gaussian").astype(np.float64)
    found = outputs(states)
    for step, sigma in enumerate(schedule(10)):
        expected = world.denoise("n512a/gaussian", states[:, step].reshape(4, -1), sigma)
        assert np.allclose(found[:, step].reshape(4, -1), expected, atol=2e-5)


def test_weights_come_from_the_largest_number_of_noises(world):
    measured = Measured(world.data("linear_weights"))
    table = weights(measured, MAIN)
    found = over_sigma(table, "weight_gap", "gaussian_weight")
    last = table[table["at"] == 4096]
    assert np.allclose(np.sort(found.value), np.sort(np.sqrt(last["weight_gap"] / last["gaussian_weight"])))
    assert np.allclose(found.x, LEVELS[::-1])


def test_scores_of_copying(world, figures):
    for panel, label in ((0, "network"), (1, "network")):
        drawn = curve(figures["generalisation_score"], panel, label)
        assert np.allclose(drawn[:, 0], [8, 32, 128, 512])
        heights = []
        for size in (8, 32, 128, 512):
            shares = []
            for half in "ab":
                samples = world.samples(f"n{size}{half}/ve16r1/i64000", "heun18").reshape(-1, 64).astype(float)
                training = world.flat(world.indices(f"n{size}{half}"))
                distance = np.sort(np.linalg.norm(samples[:, None] - training, axis=2), axis=1)
                score = distance[:, 0] / np.linalg.norm(samples, axis=1)
                shares.append(score if panel == 0 else distance[:, 0] < distance[:, 1] / 3)
            heights.append(np.mean(shares))
        assert np.allclose(drawn[:, 1], heights)


def test_the_same_samples_twice_are_no_surer_than_once(world):
    """Halves share their latents: two sets that agree tell as much of other latents as one of them."""
    samples = memorisation.wide(world.memorisation("n32a/ve16r1/i64000", "heun18"))
    for score, once in (
        (generalisation_score.gl_score, memorisation.gl_score),
        (generalisation_score.memorised, memorisation.memorised),
    ):
        twice, one = score([samples, samples]), once(samples)
        assert np.allclose([twice.value, twice.low, twice.high], [one.value, one.low, one.high])
        assert one.low[0] < one.value[0] < one.high[0]


def test_nearest_images_are_training_images(world, figures):
    (image,) = figures["samples"].axes[0].images
    first = image.get_array()[:8, :8].filled(np.nan)
    training = world.flat(world.indices("n512a"))
    sample = world.samples(MAIN, "heun18")[0].ravel()
    nearest = training[np.linalg.norm(training - sample, axis=1).argmin()]
    assert np.allclose(first.ravel(), nearest, atol=1e-6)


def test_agreement_of_halves(world, figures):
    first, second = (world.samples(f"n32{half}/ve16r1/i64000", "heun18").reshape(-1, 64) for half in "ab")
    mean = world.flat(world.indices("n512a")).mean(0)
    a, b = (first - mean).ravel(), (second - mean).ravel()
    panel = figures["strong_generalisation"].axes[-1]
    heights = [line.get_ydata()[0] for container in panel.containers for line in container[:1]]
    assert np.isclose(heights[5], a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert len(heights) == 4 * 5


def test_overview_has_a_point_for_every_cell(world, figures):
    points = figures["overview"].axes[0].containers
    assert len(points) == len(world.index.all_cells)


def test_overview_tells_thirteen_kinds_of_network_apart():
    kinds = [(name, scale) for name in ("ve", "vp") for scale in range(4, 18, 2)][:13]
    handles = overview._handles(dict(zip(kinds, overview.MARKERS * 13, strict=False)), "memorises")[:13]
    assert [handle.get_label() for handle in handles] == [f"{name}, scale {scale}" for name, scale in kinds]
    assert len({handle.get_marker() for handle in handles}) == 13


@pytest.mark.parametrize("count", [4, 6, 7, 9, 13])
def test_legends_of_linearity_do_not_overlap(world, count):
    figure = style.new(4.9)
    figure.subplots(2, 3)
    all_copied = memorisation.Copying(*(Curve(*np.ones((4, 1))) for _ in range(2)), 0.0)
    sizes = {70_000 + size: all_copied for size in range(count)}
    linearity._key(figure, world.index, {size: [] for size in sizes}, sizes, dict.fromkeys(sizes, "k"))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    first, second = (legend.get_window_extent(canvas.get_renderer()) for legend in figure.legends)
    assert first.x1 <= second.x0 and first.x0 >= 0 and second.x1 <= figure.bbox.x1


def test_nulls_of_scores_are_pooled_over_the_halves_that_networks_are(world, figures):
    def gl(half, sampler, kind, parameter=None):
        name = f"n8{half}/{kind}/memorisation_{sampler}.parquet"
        rows = parquet.read_shard(world.root / name)
        rows = rows[rows["parameter"].isna() if parameter is None else rows["at"] == parameter]
        wide = rows.pivot_table(index=["image", "draw"], columns="quantity", values="value", observed=True)
        return np.sqrt(wide["nearest"] / wide["norm"]).mean()

    for label, where in (
        ("Gaussian samples", ("exact", "gaussian")),
        ("held-out photographs", ("photographs", "nulls")),
        ("copies with 1 % noise", ("photographs", "nulls", 0.01)),
    ):
        expected = np.mean([gl(half, *where) for half in "ab"])
        assert expected != gl("a", *where)
        assert np.isclose(curve(figures["generalisation_score"], 0, label)[0, 1], expected)


@pytest.mark.parametrize("name", ["generalisation_score", "moments", "agreement"])
def test_foreign_photographs_are_not_called_held_out(world, name):
    data = world.data(name)
    figure = module(name).draw(replace(data, index=replace(data.index, inputs=["train", "foreign"])))
    texts = " ".join(text.get_text() for legend in figure.findobj(Legend) for text in legend.get_texts())
    assert "foreign" in texts and "held-out" not in texts


def test_an_autoencoder_is_called_by_its_whole_name(tmp_path):
    content = settings()
    content["grid"]["runs"][2]["architectures"] = ["dae-linear"]
    own = World(tmp_path, content)
    for relative in input_files("normalised_distance", own.index):
        own.write_one(relative)
    labels = module("normalised_distance").draw(own.data("normalised_distance")).axes[0].get_legend_handles_labels()[1]
    assert [label.split(" (")[0] for label in labels if "dae" in label] == ["dae-linear to Gaussian"]


def test_draws_in_colour(tmp_path):
    world = World(tmp_path, settings(colour="rgb"))
    for relative in input_files("samples", world.index):
        world.write_one(relative)
    (image,) = module("samples").draw(world.data("samples")).axes[0].images
    pixels = image.get_array()
    assert pixels.shape[2] == 3 and pixels.min() >= 0 and pixels.max() <= 1


def test_every_figure_is_in_the_registry():
    modules = {path.stem for path in (ROOT / "workflow/hidden_gaussian/figures").glob("[!_]*.py")}
    assert modules == {*NAMES, "registry"}


def test_collecting_the_entries_imports_no_library_of_tables_or_drawing():
    """Every job of the workflow collects them."""
    heavy = {"matplotlib", "pandas", "pyarrow", "scipy", "torch"}
    code = f"import sys; from hidden_gaussian.figures import ENTRIES; sys.exit(str({heavy} & set(sys.modules) or ''))"
    environment = {"PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stderr.strip() == ""


def test_a_figure_depends_on_the_sweeps_it_shows(world):
    other = world.index.only(["size", "scale"])
    assert visible("model_scale", world.index) == visible("model_scale", other)
    assert set(visible("overview", world.index).sweeps) == set(world.index.sweeps)


@pytest.mark.parametrize("name", NAMES)
def test_captions_name_the_papers_figure(name):
    caption = (ROOT / "workflow" / "report" / f"{name}.rst").read_text(encoding="utf-8")
    assert ENTRIES[name].paper in " ".join(caption.split())
    assert 20 < len(caption.split()) < 150


def test_script_writes_the_same_files_twice(world, tmp_path):
    declared = [str(world.root / path) for path in input_files("samples", world.index)]
    written = []
    for attempt in ("first", "second"):
        folder = tmp_path / attempt
        job = SimpleNamespace(
            input=declared,
            output=[str(folder / "samples.pdf"), str(folder / "samples.png")],
            log=[str(folder / "log")],
            params=SimpleNamespace(name="samples", index=asdict(visible("samples", world.index)), root=str(world.root)),
        )
        runpy.run_path(str(ROOT / "workflow" / "scripts" / "plot_figure.py"), init_globals={"snakemake": job})
        written.append([Path(path).read_bytes() for path in job.output])
    assert written[0] == written[1]
