"""A study's settings: unknown keys and impossible values are refused, in one sentence that names the key."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hidden_gaussian import settings
from hidden_gaussian.errors import InputError
from smoke_study import ROOT, replaced

CONFIGS = sorted((ROOT / "config").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_studies_are_valid(path: Path) -> None:
    for name, dataset in settings.load(path).datasets.items():
        assert dataset.cells(name)
        assert "size" in dataset.sweeps(name)


def test_names_of_data_sets_are_unique_across_studies() -> None:
    names = [name for path in CONFIGS for name in settings.load(path).datasets]
    assert len(names) == len(set(names))


RUN = {"subset_sizes": [16], "scales": [4], "snapshots": [64]}
RUNS = [RUN, {**RUN, "subset_sizes": [32], "halves": ["b"]}]
FILE = {"path": "x", "subset_size": 16, "scale": 4, "images_seen": 8}
FILES = [{**FILE, "subset_size": 1000, "half": half} for half in "ab"]
FOLDER = {"kind": "folder", "path": "x", "count": 20}
SURROGATE = {"kind": "gaussian-surrogate", "count": 1797}
BAD = {
    "misspelt": ("color", "grey", "digits.color: there is no such setting here"),
    "misspelt sweep": ("grid.sweeps.sizes", {}, "grid.sweeps.sizes: there is no such setting here"),
    "near miss": ("resolutoin", 8, "resolutoin: there is no such setting here; did you mean 'resolution'?"),
    "in the wrong block": ("grid.scales", [8], "grid.scales: there is no such setting here; it belongs to run or"),
    "of the top": ("seed", 1, "digits.seed: there is no such setting here; it belongs to the top of the file"),
    "like nothing": ("qqqq", 1, "qqqq: there is no such setting here; config/README.md lists them all"),
    "negative": ("training.learning_rate", -1.0, "learning_rate: found -1.0; expected a number greater than 0"),
    "no number": ("resolution", "large", "digits.resolution: found 'large'; expected a valid integer"),
    "batch zero": ("training.batch", 0, "training.batch: found 0; expected a number greater than 0"),
    "microbatch": ("training.microbatch", 3, "training.batch: found 16; expected a multiple of gpus 1 x microbatch 3"),
    "gpus": ("training.gpus", 3, "training.batch: found 16; expected a multiple of gpus 3"),
    "unknown half": ("grid.runs.0.halves", ["c"], "runs.0.halves.0: found 'c'; expected 'a' or 'b'"),
    "unknown architecture": ("grid.runs.0.architectures", ["unet"], "runs.0.architectures.0: found 'unet'; expected"),
    "halves overlap": ("grid.runs.0.subset_sizes", [1000], "found halves a and b of 1000 images each; expected at"),
    "more than there is": ("heldout", 1790, "expected at most 7 (source.count 1797 minus heldout 1790)"),
    "a run too large": ("grid.runs.1.subset_sizes", [1800], "digits.grid.runs: found 1800 training images"),
    "a file too large": ("grid.pretrained", [{**FILE, "subset_size": 1800}], "pretrained: found 1800 training images"),
    "files that overlap": ("grid", {"pretrained": FILES, "sweeps": {}}, "grid.pretrained: found halves a and b of"),
    "a file twice": ("grid.pretrained", [FILE, FILE], "grid.pretrained: has n16a/ve4r0/i8 more than once"),
    "no cell": ("grid", {"sweeps": {}}, "digits.grid: found neither 'runs' nor 'pretrained'"),
    "a sweep of no file": ("grid", {"pretrained": [FILE], "sweeps": {"size": {"scales": [8]}}}, "the grid has scales"),
    "no snapshot": ("grid.runs.0.snapshots", [], "runs.0.snapshots: missing; a run needs 'snapshots' (images seen) or"),
    "sweep of no cell": ("grid.sweeps.scale", {"scales": [5]}, "sweeps.scale: no cell of the grid has scales 5"),
    "sweep of no combination": ("grid.sweeps.scale", {"subset_sizes": [32], "images_seen": [32]}, "this combination"),
    "a size of half b alone": ("grid", {"runs": RUNS, "sweeps": {"size": {}}}, "size: needs replicate 1 of half a at"),
    "no path": ("source", {"kind": "zip", "count": 3}, "digits.source.path: missing; a source of kind 'zip' needs"),
    "no source dataset": ("source", SURROGATE, "digits.source.of: missing; a source of kind 'gaussian-surrogate'"),
    "of without a surrogate": ("source", {"kind": "digits", "count": 3, "of": "x"}, "kind 'digits' has no 'of'"),
    "surrogate of itself": ("source", {**SURROGATE, "of": "digits"}, "used: datasets.digits.source.of: found"),
    "no name": ("source", {"kind": "torchvision", "count": 3, "path": "x"}, "source.name: missing; torchvision needs"),
    "too few held out": ("heldout", 15, "digits.heldout: found 15 images; expected none, or at least 16"),
    "too few foreign": ("foreign", {"kind": "photographs", "count": 1}, "digits.foreign: found 1 images"),
    "held-out source misspelt": ("heldout", {**FOLDER, "prefx": ""}, "used: datasets.digits.heldout.prefx: there is"),
    "held-out images in words": ("heldout", "many", "used: datasets.digits.heldout: found 'many'; expected a valid"),
    "foreign images by path": ("foreign", "/x/y", "used: datasets.digits.foreign: found '/x/y'; expected 'heldout'"),
    "foreign source without a count": ("foreign", {"kind": "digits"}, "used: datasets.digits.foreign.count: this"),
    "too few pairs for a map": ("distillation.draws", 131, "distillation.draws: found 131; expected at least 132,"),
    "images too few to resample": ("measures.images", 7, "measures.images: found 7; expected a number greater than"),
    "samples too few to resample": ("sampling.count", 7, "sampling.count: found 7; expected a number greater than or"),
    "a weight twice": ("measures.alphas", [0.5, 0.7, 0.5], "measures.alphas: expected each weight once, but 0.5 is"),
    "no image to measure": ("measures.inputs", ["noise"], "digits.measures.inputs: names no kind of image"),
    "Jacobians of no cell": ("measures.jacobian", {"cells": {"scales": [999]}}, "digits.measures.jacobian.cells:"),
    "splice of no cell": ("sampling.splice", {"scales": [999]}, "digits.sampling.splice: selects no cell"),
    "splice ends out of order": ("sampling.splice_ends", [1, 0.1], "sampling.splice_ends: found [1.0, 0.1]; expected"),
    "cannot be halved": ("network.channel_mult", [1] * 5, "digits.resolution: 8 cannot be halved 4 times"),
    "a run's network cannot be halved": ("grid.runs.0.network", {"channel_mult": [1] * 5}, "cannot be halved 4 times"),
    "a run's network has an unknown option": ("grid.runs.0.network", {"block": 2}, "network.block: there is no such"),
    "no level": ("network.channel_mult", [], "network.channel_mult: expected at least 1 item, not 0"),
    "reference of an even patch": ("measures.references", ["patch-4"], "references.0: found 'patch-4'; expected"),
    "reference that always is": ("sampling.references", ["gaussian"], "references.0: found 'gaussian'; expected"),
    "an odd scale": ("grid.runs.0.scales", [4, 3], "runs.0.scales.1: found 3; expected a multiple of 2"),
    "no base channel": ("grid.runs.0.scales", [4, 0], "runs.0.scales.1: found 0; expected a number greater than or"),
    "a file of odd scale": ("grid.pretrained", [{**FILE, "scale": 5}], "pretrained.0.scale: found 5; expected a"),
    "negative epochs": ("grid.runs.0.epochs", [-1.0], "runs.0.epochs.0: found -1.0; expected a number greater"),
    "endless epochs": ("grid.runs.0.epochs", [float("inf")], "runs.0.epochs.0: found inf; expected a finite number"),
    "too many replicates": ("grid.runs.0.replicates", 10**30, "expected a number less than or equal to 1000"),
    "no dataset": ("/datasets", {}, "datasets: expected at least 1 item, not 0"),
    "name of a dataset": ("/datasets", {"../up": {}}, "found '../up'; expected a letter, then lower-case letters"),
    "capitals in a name": ("/datasets", {"My_Faces": {}}, "found 'My_Faces'; expected a letter, then lower-case"),
}


@pytest.mark.fault("settings that contradict each other, or misspelt", "one sentence that names the key")
@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_one_sentence_with_the_key(config: dict[str, Any], case: str) -> None:
    path, value, expected = BAD[case]
    full = path[1:] if path[0] == "/" else f"datasets.digits.{path}"
    with pytest.raises(InputError) as caught:
        settings.read(replaced(config, full, value))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_a_list_with_wrong_items_only_these_are_named(config: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"runs\.0\.scales\.0: found 5; expected a multiple of 2$"):
        settings.read(replaced(config, "datasets.digits.grid.runs.0.scales", [5]))


def test_maps_need_enough_pairs_unless_a_ridge_is_set_even_if_no_cell_is_distilled(config: dict[str, Any]) -> None:
    def distillation(**block: Any) -> settings.Distillation:
        study = settings.read(replaced(config, "datasets.digits.distillation", block))
        return study.datasets["digits"].distillation

    none = {"scales": [999]}
    with pytest.raises(InputError, match=r"fitted to each half; raise it, or set distillation\.ridge, but then"):
        distillation(draws=131, cells=none)
    assert distillation(draws=132, cells=none).draws == 132
    assert distillation(draws=10, ridge=0.1).draws == 10


@pytest.mark.parametrize(
    ("named", "measured"),
    [
        (["train", "foreign"], ("train", "heldout")),
        (["foreign"], ("heldout",)),
        (["train"], ("train",)),
        (["heldout", "foreign"], ("heldout", "foreign")),
    ],
)
def test_foreign_images_that_are_held_out_are_measured_by_either_name(
    config: dict[str, Any], named: list[str], measured: tuple[str, ...]
) -> None:
    changed = replaced(config, "datasets.digits.foreign", "heldout")
    for block in ("measures", "distillation"):
        changed = replaced(changed, f"datasets.digits.{block}.inputs", named)
    dataset = settings.read(changed).datasets["digits"]
    assert dataset.measures.inputs == dataset.distillation.inputs == measured
    assert dataset.inputs == tuple(name for name in measured if name != "foreign")


SMALL, SEEN = {"subset_sizes": [32]}, [12_800, 6_400]
MIXED = {
    "sizes at several scales": ("size", {}, "scale 4 and 8 and 16", "scales"),
    "sizes at every snapshot": ("size", {"images_seen": "all"}, "scale 4 and 8 and 16", "scales"),
    "sizes at all snapshots": ("size", {"scales": [16], "images_seen": "all"}, "images_seen 1600 and", "images_seen"),
    "scales of several sizes": ("scale", {}, "subset_size 8 and 32 and 128 and 512", "subset_sizes"),
    "scales at several snapshots": (
        "scale",
        {**SMALL, "images_seen": SEEN},
        "images_seen 6400 and 12800",
        "images_seen",
    ),
    "time of several sizes": ("time", {"images_seen": "all"}, "subset_size 8 and 32", "subset_sizes"),
    "time of several scales": ("time", {**SMALL, "images_seen": "all"}, "scale 4 and 8 and 16", "scales"),
    "clock of several scales": ("clock", {"images_seen": "all"}, "scale 4 and 8 and 16", "scales"),
    "architectures at several scales": ("architecture", SMALL, "scale 4 and 8 and 16 at architecture ve", "scales"),
    "halves of several sizes": ("halves_small", {"scales": [16]}, "subset_size 8", "subset_sizes"),
    "halves at snapshots": (
        "halves_stopped",
        {**SMALL, "scales": [16], "images_seen": SEEN},
        "images_seen 6400",
        "images_seen",
    ),
}


@pytest.mark.parametrize("case", MIXED)
def test_a_sweep_mixes_no_other_coordinate(case: str) -> None:
    sweep, chosen, expected, setting = MIXED[case]
    digits = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    with pytest.raises(InputError) as caught:
        settings.read(replaced(digits, f"datasets.digits.grid.sweeps.{sweep}", chosen))
    assert f"datasets.digits.grid.sweeps.{sweep}: found {expected}" in str(caught.value)
    assert f"would mix; select one in grid.sweeps.{sweep}.{setting}" in str(caught.value)


WRONG = ("text", "", -1, 0, 0.5, float("nan"), float("inf"), 10**30, None, True, [], [None], {}, {"x": 1})


def _leaves(content: Any, path: str = "") -> Iterator[str]:
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from _leaves(value, f"{path}.{key}")
    elif isinstance(content, list) and content:
        for index, value in enumerate(content):
            yield from _leaves(value, f"{path}.{index}")
    else:
        yield path.removeprefix(".")


@pytest.mark.fault(
    "any wrong value (14 of them) of any setting",
    "one sentence that names the key; more than 800 are refused in one test, all that are not finite among them",
)
def test_any_wrong_value_is_one_sentence_that_names_a_key(config: dict[str, Any]) -> None:
    """Every setting is given every wrong value: refused in one line, or accepted unless it is infinite or NaN."""
    whole = settings.read(config).model_dump(mode="json")
    refused = 0
    for path in _leaves(whole):
        names = [key for key in path.split(".") if not key.isdigit()][-2:]
        names += ["images_seen"] if "snapshots" in names else []  # as sweeps name them
        for value in WRONG:
            try:
                settings.read(replaced(whole, path, value))
                assert not isinstance(value, float) or math.isfinite(value), (path, value)
            except InputError as error:
                refused += 1
                assert "\n" not in str(error), (path, value)
                assert any(name in str(error) for name in names), (path, value, str(error))
    assert refused > 800


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
SHARES = st.floats(0.01, 0.99)
NUMBERS = st.integers(1, 50)
SCALES = st.integers(1, 50).map(lambda half: 2 * half)


@st.composite
def _runs(draw: st.DrawFn) -> dict[str, Any]:
    kept = {
        "snapshots": st.lists(st.integers(0, 500), min_size=1, max_size=3),
        "epochs": st.lists(st.floats(0, 9), min_size=1, max_size=3),
    }
    chosen = draw(st.sampled_from([["snapshots"], ["epochs"], ["snapshots", "epochs"]]))
    return {
        "subset_sizes": draw(st.lists(st.integers(2, 60), min_size=1, max_size=3)),
        "halves": draw(st.sampled_from([["a"], ["a", "b"]])),
        "architectures": draw(st.lists(st.sampled_from(["ve", "vp", "adm", "dae-skip"]), min_size=1, max_size=2)),
        "scales": draw(st.lists(SCALES, min_size=1, max_size=2)),
        "replicates": draw(st.integers(1, 2)),
        **{name: draw(kept[name]) for name in chosen},
    }


@st.composite
def _datasets(draw: st.DrawFn) -> dict[str, Any]:
    """Everything that the rules between settings allow: sizes within the count, whole batches, divisible sides."""
    runs = draw(st.lists(_runs(), min_size=1, max_size=2))
    sizes = [size for run in runs for size in run["subset_sizes"]]
    cell = {name: runs[0][name][:1] for name in ("subset_sizes", "halves", "architectures", "scales")}
    heldout = draw(st.one_of(st.just(0), st.integers(16, 24)))
    mult = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    gpus, microbatch = draw(st.integers(1, 3)), draw(NUMBERS)
    augment = draw(st.one_of(st.just(0.0), SHARES))
    count = 2 * max(sizes) + heldout + draw(st.integers(0, 9))
    return {
        "source": {"kind": draw(st.sampled_from(["zip", "folder"])), "path": draw(NAMES), "count": count},
        "resolution": 4 * draw(st.integers(1, 8)),
        "colour": draw(st.sampled_from(["rgb", "grey"])),
        "heldout": heldout,
        "foreign": draw(st.sampled_from([None, {"kind": "digits", "count": 16}] + ["heldout"] * (heldout > 0))),
        "network": {"channel_mult": mult, "augment_dim": 9 if augment else draw(st.sampled_from([0, 9]))},
        "training": {
            "batch": gpus * microbatch * draw(st.integers(1, 3)),
            "gpus": gpus,
            "microbatch": draw(st.sampled_from([None, microbatch])),
            "learning_rate": draw(SHARES),
            "ema_rampup": draw(st.one_of(st.none(), SHARES)),
            "augment": augment,
        },
        "grid": {"runs": runs, "sweeps": {"size": {**cell, "replicates": [1], "images_seen": "last"}}},
        "sampling": {"splice_ends": sorted(draw(st.sets(st.floats(0, 80), min_size=2, max_size=4)))},
        "measures": {
            "alphas": draw(st.lists(SHARES, min_size=1, max_size=2, unique=True)),
            "references": ["patch-3", "mixture-4"],
        },
        "distillation": {"ridge": draw(st.floats(0.01, 9)), "draws": draw(NUMBERS)},
    }


@st.composite
def _studies(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "study": draw(NAMES),
        "seed": draw(st.integers(0, 2**63)),
        "results": draw(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9)),
        "archives": draw(st.dictionaries(NAMES, st.just("/place/images.zip"), max_size=2)),
        "datasets": draw(st.dictionaries(NAMES, _datasets(), min_size=1, max_size=2)),
    }


def _within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and _within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(_within, part, whole))
    return bool(part == whole)


@given(config=_studies())
def test_any_study_is_dumped_as_it_was_written_and_read_back_equal(config: dict[str, Any]) -> None:
    study = settings.read(config)
    dumped = study.model_dump(mode="json")
    assert _within(config, dumped)
    assert settings.read(yaml.safe_load(yaml.safe_dump(dumped))) == study
    assert settings.read(json.loads(json.dumps(dumped))) == study


OPEN = {("archives",), ("downloads",), ("datasets",)}  # keys are the user's names here, as in options


def _mappings(content: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(content, dict) and path not in OPEN and path[-1:] != ("options",):
        yield path
    if isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from _mappings(value, (*path, key))


@given(config=_studies(), data=st.data())
def test_any_unknown_key_is_refused_anywhere(config: dict[str, Any], data: st.DataObject) -> None:
    whole = settings.read(config).model_dump(mode="json")
    path = data.draw(st.sampled_from(sorted(_mappings(whole), key=str)))
    place: Any = whole
    for key in path:
        place = place[key]
    unknown = data.draw(st.from_regex(r"[a-z_]{1,12}", fullmatch=True).filter(lambda key: key not in place))
    place[unknown] = data.draw(st.sampled_from([None, 0, "x", [], {}]))
    with pytest.raises(InputError, match=rf"(^|[.: ]){unknown}: there is no such setting here") as caught:
        settings.read(whole)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such configuration file"),
        ("a: [", "not valid YAML"),
        ("- 1", "holds no settings"),
        ("!!python/object:x {}", "not valid YAML"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, content: str | None, expected: str) -> None:
    if content is not None:
        (tmp_path / "study.yaml").write_text(content)
    with pytest.raises(InputError, match=rf"study\.yaml: .*{expected}"):
        settings.load(tmp_path / "study.yaml")


TAGS = [
    "!!python/object/apply:os.system ['true']",
    "!!python/name:os.system",
    "!!python/object/new:os.system ['true']",
    "!!python/module:os",
    "!include /etc/passwd",
    "!!binary aGVsbG8=",
    "&a [*a]",
]


@pytest.mark.fault("tags in the configuration", "nothing is called")
@pytest.mark.parametrize("tag", TAGS)
def test_tags_in_a_configuration_do_nothing(tmp_path: Path, tag: str) -> None:
    (tmp_path / "study.yaml").write_text(f"study: {tag}\ndatasets: {{}}\n")
    with pytest.raises(InputError) as caught:
        settings.load(tmp_path / "study.yaml")
    assert json.dumps(str(caught.value))


@pytest.mark.parametrize("results", ["results", "./results", "results/", "results/."])
def test_the_results_folder_is_written_plainly(config: dict[str, Any], results: str) -> None:
    assert settings.read({**config, "results": results}).results == "results"
