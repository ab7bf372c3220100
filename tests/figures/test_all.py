"""Every figure: its files, metrics, letters, legends and image strips; the registry and the script."""

from __future__ import annotations

import runpy
import subprocess
import sys
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from hidden_gaussian.figures import analytic_models, linearity, overview
from hidden_gaussian.figures.registry import ENTRIES, draw, input_files, visible
from hidden_gaussian.plotting import distance_curves, memorisation, style
from hidden_gaussian.plotting.curves import Curve
from hidden_gaussian.plotting.figure_data import ALWAYS, FigureData
from smoke_study import ROOT
from synthetic_arrays import MAIN, settings
from synthetic_results import World

every_figure = pytest.mark.parametrize("name", ENTRIES)


def legend_texts(figure: Figure) -> list[str]:
    legends = figure.findobj(Legend)
    return [text.get_text() for legend in legends for text in (legend.get_title(), *legend.get_texts())]


@pytest.mark.parametrize("name", ["linearity", "samples", "energy_split"])
def test_prints_in_both_formats(figures, name, tmp_path):
    for suffix in ("pdf", "png"):
        figures[name].savefig(tmp_path / f"figure.{suffix}")
        assert (tmp_path / f"figure.{suffix}").stat().st_size > 10_000


@every_figure
def test_letters_are_large_enough_and_inside(figures, name):
    figure = figures[name]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # lays the figure out
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            assert text.get_fontsize() >= 7, text.get_text()
    box = figure.get_tightbbox(canvas.get_renderer())  # in inches, without ticks beyond the ends of an axis
    assert box.x0 >= -0.02
    assert box.x1 <= figure.get_size_inches()[0] + 0.02


@every_figure
def test_declared_files_are_used_and_no_others_are_read(drawn, name):
    assert drawn[name].read <= drawn[name].data.declared
    assert drawn[name].data.declared - drawn[name].used == set()


@every_figure
def test_metrics_of_the_entry_are_those_that_are_shown(drawn, name):
    named = {*ENTRIES[name].metrics}
    assert named <= drawn[name].metrics <= named | ALWAYS


def test_refuses_what_the_entry_does_not_name(world):
    data = world.data("denoiser_distance")
    with pytest.raises(KeyError, match="under needs"):
        data.samples(MAIN, "heun18")
    with pytest.raises(KeyError, match="under metrics"):
        data.curve("rho", MAIN)
    assert not len(data.curve("nrmse", "n8a/empirical", relation="gaussian"))  # in the folder, but not declared


@every_figure
def test_image_strips_share_one_range(figures, name):
    for image in (image for axes in figures[name].axes for image in axes.images):
        assert image.get_clim() == (-1, 1)


def test_lines_below_zero_stay_in_view():
    first, second = style.new(2).subplots(1, 2, sharey=True)
    for axes, heights in ((first, [0.2, 0.8]), (second, [-0.1, 0.5])):
        axes.plot([1, 2], heights)
    first.plot([], [], label="absent")
    distance_curves.begin_at_zero(first, 1)
    assert second.get_ylim()[0] < -0.1 and second.get_ylim()[1] == 1


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
    figure = draw(name, bare)
    assert any("memorising not judged" in text for text in legend_texts(figure))
    assert not [line for line in figure.axes[0].lines if line.get_markersize() == overview.RING["markersize"]]
    assert name == "overview" or not [line for line in figure.axes[5].lines if line.get_linestyle() == "--" and
                                      line.get_color() != style.GREY]  # fmt: skip


def test_an_untrained_network_is_a_null_where_the_study_keeps_one(tmp_path):
    content = settings()
    content["grid"]["runs"][0]["snapshots"] = [0, 64, 640, 6400, 64000]
    world, figure = World.of_one_figure(tmp_path, content, "linearity")
    expected = world.data("linearity").curve("affinity", "n512a/ve16r1/i0").value
    grey = [line for line in figure.axes[5].lines if line.get_color() == style.GREY]
    assert any(np.array_equal(line.get_ydata(), expected) for line in grey)


def test_overview_has_a_point_for_every_cell(world, figures):
    assert len(figures["overview"].axes[0].containers) == len(world.index.all_cells)


def test_overview_tells_thirteen_kinds_of_network_apart():
    kinds = [(name, scale) for name in ("ve", "vp") for scale in range(4, 18, 2)][:13]
    handles = overview._handles(dict(zip(kinds, overview.MARKERS * 13, strict=False)), "memorises")[:13]
    assert [handle.get_label() for handle in handles] == [f"{name}, scale {scale}" for name, scale in kinds]
    assert len({handle.get_marker() for handle in handles}) == 13


def test_analytic_denoisers_look_different_however_many_are_listed():
    looks = analytic_models.looks([f"patch-{size}" for size in range(3, 23, 2)])
    assert len({(look["color"], look.get("ls", "-")) for look in looks.values()}) == 12


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


@pytest.mark.parametrize("name", ["generalisation_score", "moments", "agreement"])
def test_foreign_photographs_are_not_called_held_out(world, name):
    data = world.data(name)
    figure = draw(name, replace(data, index=replace(data.index, inputs=["train", "foreign"])))
    texts = " ".join(legend_texts(figure))
    assert "foreign" in texts and "held-out" not in texts


def test_an_autoencoder_is_called_by_its_whole_name(tmp_path):
    content = settings()
    content["grid"]["runs"][2]["architectures"] = ["dae-linear"]
    _, figure = World.of_one_figure(tmp_path, content, "normalised_distance")
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert [label.split(" (")[0] for label in labels if "dae" in label] == ["dae-linear to Gaussian"]


def test_draws_in_colour(tmp_path):
    _, figure = World.of_one_figure(tmp_path, settings(colour="rgb"), "samples")
    (image,) = figure.axes[0].images
    pixels = image.get_array()
    assert pixels.shape[2] == 3 and pixels.min() >= 0 and pixels.max() <= 1


def test_marks_absent_sweeps(world):
    index = world.index.only(["size"])
    files = [world.root / path for path in input_files("position", index)]
    figure = draw("position", FigureData.of(world.root, index, files))
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert texts == [f"absent: the settings have no grid.sweeps.{sweep}" for sweep in ("scale", "time")]


def test_every_figure_is_in_the_registry():
    modules = {path.stem for path in (ROOT / "workflow/hidden_gaussian/figures").glob("[!_]*.py")}
    assert modules == {*ENTRIES, "registry"}


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


@every_figure
def test_captions_name_the_papers_figure(name):
    caption = (ROOT / "workflow" / "report" / f"{name}.rst").read_text(encoding="utf-8")
    assert ENTRIES[name].paper in " ".join(caption.split())
    assert 20 < len(caption.split()) < 150


def test_script_writes_the_same_files_twice(world, tmp_path):
    written = []
    for attempt in ("first", "second"):
        folder = tmp_path / attempt
        job = SimpleNamespace(
            input=[str(path) for path in world.data("samples").declared],
            output=[str(folder / "samples.pdf"), str(folder / "samples.png")],
            log=[str(folder / "log")],
            params=SimpleNamespace(name="samples", index=asdict(visible("samples", world.index)), root=str(world.root)),
        )
        runpy.run_path(str(ROOT / "workflow" / "scripts" / "plot_figure.py"), init_globals={"snakemake": job})
        written.append([path.read_bytes() for path in sorted(folder.glob("*.p*"))])
    assert written[0] == written[1] and len(written[0]) == 2
