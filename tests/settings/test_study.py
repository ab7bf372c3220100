"""Settings: closed, checked before anything runs, and in step with their generated pages."""

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
    study = settings.load(path)
    for name, dataset in study.datasets.items():
        assert dataset.cells(name)
        assert "size" in dataset.sweeps(name)


def test_names_of_data_sets_are_unique_across_studies() -> None:
    names = [name for path in CONFIGS for name in settings.load(path).datasets]
    assert len(names) == len(set(names))


BAD = {
    "dataset.colour_space": ("datasets.digits.color", "grey", "color"),
    "misspelt sweep": ("datasets.digits.grid.sweeps.sizes", {}, "sizes"),
    "negative learning rate": ("datasets.digits.training.learning_rate", -1.0, "learning_rate"),
    "batch zero": ("datasets.digits.training.batch", 0, "batch"),
    "microbatch": ("datasets.digits.training.microbatch", 3, "multiple of microbatch"),
    "gpus": ("datasets.digits.training.gpus", 3, "multiple of gpus 3"),
    "unknown half": ("datasets.digits.grid.runs.0.halves", ["c"], "halves"),
    "unknown architecture": ("datasets.digits.grid.runs.0.architectures", ["unet"], "architectures"),
    "halves overlap": ("datasets.digits.grid.runs.0.subset_sizes", [1000], "disjoint only up to 866"),
    "more than there is": ("datasets.digits.heldout", 1790, "there are only 7"),
    "a run of more than there is": ("datasets.digits.grid.runs.1.subset_sizes", [1800], "grid.runs asks for 1800"),
    "a file of more than there is": (
        "datasets.digits.grid",
        {"pretrained": [{"path": "x", "subset_size": 1800, "scale": 4, "images_seen": 8}], "sweeps": {}},
        "grid.pretrained asks for 1800 training images, but there are only 1733",
    ),
    "a file overlaps the other half": (
        "datasets.digits.grid.pretrained",
        [{"path": "x", "subset_size": 1000, "half": half, "scale": 4, "images_seen": 8} for half in "ab"],
        "grid.pretrained asks for halves a and b of 1000 images each",
    ),
    "a sweep of no file": (
        "datasets.digits.grid",
        {
            "pretrained": [{"path": "x", "subset_size": 16, "scale": 4, "images_seen": 8}],
            "sweeps": {"size": {"scales": [8]}},
        },
        "grid.sweeps.size asks for scales 8 that no cell of the grid has",
    ),
    "no snapshot": ("datasets.digits.grid.runs.0.snapshots", [], "'snapshots'"),
    "sweep names no cell": ("datasets.digits.grid.sweeps.scale", {"scales": [5]}, "scales 5"),
    "sweep names no combination": (
        "datasets.digits.grid.sweeps.scale",
        {"subset_sizes": [32], "images_seen": [32]},
        "a combination",
    ),
    "no path": ("datasets.digits.source", {"kind": "zip", "count": 3}, "needs a 'path'"),
    "surrogate of nothing": ("datasets.digits.source", {"kind": "phase-surrogate", "count": 3}, "needs 'of'"),
    "of without a surrogate": ("datasets.digits.source", {"kind": "digits", "count": 3, "of": "x"}, "no use for 'of'"),
    "surrogate of itself": (
        "datasets.digits.source",
        {"kind": "gaussian-surrogate", "count": 1797, "of": "digits"},
        "datasets.digits.source.of is 'digits'",
    ),
    "draws that determine no map": (
        "datasets.digits.distillation.draws",
        131,
        "or set distillation.ridge, but then claims 1, 3, 4, 5 and cal are not judged",
    ),
    "too few held out": ("datasets.digits.heldout", 15, "heldout has 15 images, too few to measure half"),
    "too few foreign": ("datasets.digits.foreign", {"kind": "photographs", "count": 1}, "foreign has 1 images"),
    "held-out source misspelt": (
        "datasets.digits.heldout",
        {"kind": "folder", "path": "x", "count": 20, "prefx": "y"},
        "used: datasets.digits.heldout.prefx: there is no such setting here; did you mean 'prefix'?",
    ),
    "held-out images in words": (
        "datasets.digits.heldout",
        "many",
        "used: datasets.digits.heldout: Input should be a valid integer, unable to parse string as an integer (found",
    ),
    "foreign images by their path": (
        "datasets.digits.foreign",
        "/x/y",
        "used: datasets.digits.foreign: Input should be 'heldout' (found '/x/y')",
    ),
    "foreign source without a count": (
        "datasets.digits.foreign",
        {"kind": "digits"},
        "used: datasets.digits.foreign.count: this setting is missing",
    ),
    "images too few to resample": ("datasets.digits.measures.images", 7, "measures.images: Input should be greater"),
    "a weight given twice": ("datasets.digits.measures.alphas", [0.5, 0.7, 0.5], "alphas: 0.5 is there more than once"),
    "samples too few to resample": ("datasets.digits.sampling.count", 7, "sampling.count: Input should be greater"),
    "a size of half b alone": (
        "datasets.digits.grid",
        {
            "runs": [
                {"subset_sizes": [size], "halves": [half], "scales": [4], "snapshots": [64]}
                for size, half in ((16, "a"), (32, "b"))
            ],
            "sweeps": {"size": {}},
        },
        "grid.sweeps.size needs replicate 1 of half a at subset_size 32 too",
    ),
    "slopes of no cell": (
        "datasets.digits.measures.jacobian",
        {"cells": {"scales": [999]}},
        "measures.jacobian.cells names no cell",
    ),
    "splice of no cell": ("datasets.digits.sampling.splice", {"scales": [999]}, "sampling.splice"),
    "splice ends out of order": ("datasets.digits.sampling.splice_ends", [1, 0.1], "ascending"),
    "no name": ("datasets.digits.source", {"kind": "torchvision", "count": 3, "path": "x"}, "needs the 'name'"),
    "cannot be halved": ("datasets.digits.network.channel_mult", [1, 1, 1, 1, 1], "cannot be halved"),
    "a run's network cannot be halved": (
        "datasets.digits.grid.runs.0.network",
        {"channel_mult": [1, 1, 1, 1, 1]},
        "cannot be halved 4 times",
    ),
    "a run's network has an unknown option": ("datasets.digits.grid.runs.0.network", {"block": 2}, "network.block"),
    "name of a data set": ("datasets", {"../up": {}}, "up"),
    "capitals in a name": ("datasets", {"My_Faces": {}}, "such as 'my-faces' (found 'My_Faces')"),
    "near miss": (
        "datasets.digits.resolutoin",
        8,
        "digits.resolutoin: there is no such setting here; did you mean 'res",
    ),
    "in the wrong block": (
        "datasets.digits.grid.scales",
        [8],
        "grid.scales: there is no such setting here; it belongs",
    ),
    "of the whole file": (
        "datasets.digits.seed",
        1,
        "digits.seed: there is no such setting here; it belongs to the top",
    ),
    "like nothing": ("datasets.digits.qqqq", 1, "qqqq: there is no such setting here; config/README.md lists"),
    "no data set": ("datasets", {}, "datasets"),
    "foreign of an unknown kind": ("datasets.digits.foreign", "elsewhere", "foreign"),
    "reference of an even patch": ("datasets.digits.measures.references", ["patch-4"], "measures.references"),
    "reference that always is": ("datasets.digits.sampling.references", ["gaussian"], "sampling.references"),
    "an odd scale": ("datasets.digits.grid.runs.0.scales", [4, 3], "runs.0.scales.1: Input should be a multiple of 2"),
    "no base channel": ("datasets.digits.grid.runs.0.scales", [4, 0], "runs.0.scales.1: Input should be greater"),
    "a file of odd scale": (
        "datasets.digits.grid.pretrained",
        [{"path": "x", "subset_size": 16, "scale": 5, "images_seen": 8}],
        "pretrained.0.scale: Input should be a multiple of 2",
    ),
    "no level": ("datasets.digits.network.channel_mult", [], "network.channel_mult: Tuple should have at least 1"),
    "negative epochs": ("datasets.digits.grid.runs.0.epochs", [-1.0], "runs.0.epochs.0: Input should be greater"),
    "endless epochs": ("datasets.digits.grid.runs.0.epochs", [float("inf")], "runs.0.epochs.0: Input should be a fin"),
    "more replicates than can be listed": (
        "datasets.digits.grid.runs.0.replicates",
        10**30,
        "runs.0.replicates: Input should be less than or equal to 1000",
    ),
    "not a number": ("datasets.digits.resolution", "large", "resolution"),
}


@pytest.mark.fault("settings that contradict each other, or misspelt", "one sentence that names the key")
@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_one_sentence_with_the_key(config: dict[str, Any], case: str) -> None:
    path, value, expected = BAD[case]
    with pytest.raises(InputError) as caught:
        settings.read(replaced(config, path, value))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_a_list_with_wrong_items_only_these_are_named(config: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"runs\.0\.scales\.0: Input should be a multiple of 2 \(found 5\)$"):
        settings.read(replaced(config, "datasets.digits.grid.runs.0.scales", [5]))


def test_a_penalty_needs_no_more_draws_than_pixels(config: dict[str, Any]) -> None:
    study = settings.read(replaced(config, "datasets.digits.distillation", {"draws": 10, "ridge": 0.1}))
    assert study.datasets["digits"].distillation.draws == 10


def test_maps_of_figures_are_fitted_though_no_cell_is_distilled(config: dict[str, Any]) -> None:
    for draws, cells in ((131, {"scales": [999]}), (131, {})):
        with pytest.raises(InputError, match="is 131, but an affine map of 64 pixels"):
            settings.read(replaced(config, "datasets.digits.distillation", {"draws": draws, "cells": cells}))
    settings.read(replaced(config, "datasets.digits.distillation", {"draws": 132, "cells": {"scales": [999]}}))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["train", "foreign"], ("train", "heldout")),
        (["foreign"], ("heldout",)),
        (["train"], ("train",)),
        (["heldout", "foreign"], ("heldout", "foreign")),
    ],
)
def test_foreign_images_that_are_held_out_are_measured_by_either_name(
    config: dict[str, Any], given: list[str], read: tuple[str, ...]
) -> None:
    changed = replaced(config, "datasets.digits.foreign", "heldout")
    for block in ("measures", "distillation"):
        changed = replaced(changed, f"datasets.digits.{block}.inputs", given)
    dataset = settings.read(changed).datasets["digits"]
    assert dataset.measures.inputs == dataset.distillation.inputs == read
    assert dataset.inputs == tuple(name for name in read if name != "foreign")


MIXED = {
    "sizes at several scales": ("size", {}, "size has scale 4 and 8 and 16", "scales"),
    "sizes at every snapshot": ("size", {"images_seen": "all"}, "size has scale 4 and 8 and 16", "scales"),
    "sizes at every snapshot of a scale": (
        "size",
        {"scales": [16], "images_seen": "all"},
        "size has images_seen 1600 and 3200 and 6400 and 12800 and 25600 and 32000",
        "images_seen",
    ),
    "scales of several sizes": ("scale", {}, "scale has subset_size 8 and 32 and 128 and 512", "subset_sizes"),
    "scales at several snapshots": (
        "scale",
        {"subset_sizes": [32], "images_seen": [6_400, 32_000]},
        "scale has images_seen 6400 and 32000",
        "images_seen",
    ),
    "time of several sizes": ("time", {"images_seen": "all"}, "time has subset_size 8 and 32", "subset_sizes"),
    "time of several scales": (
        "time",
        {"subset_sizes": [32], "images_seen": "all"},
        "time has scale 4 and 8 and 16",
        "scales",
    ),
    "clock of several scales": ("clock", {"images_seen": "all"}, "clock has scale 4 and 8 and 16", "scales"),
    "architectures at several scales": (
        "architecture",
        {"subset_sizes": [32]},
        "architecture has scale 4 and 8 and 16 at architecture ve",
        "scales",
    ),
    "halves of several sizes": ("halves_small", {"scales": [16]}, "halves_small has subset_size 8", "subset_sizes"),
    "halves at different snapshots": (
        "halves_stopped",
        {"subset_sizes": [32], "scales": [16], "images_seen": [12_800, 6_400]},
        "halves_stopped has images_seen 6400 and 12800",
        "images_seen",
    ),
}


@pytest.mark.parametrize("case", MIXED)
def test_a_sweep_mixes_no_other_coordinate(case: str) -> None:
    sweep, chosen, expected, setting = MIXED[case]
    digits = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    with pytest.raises(InputError) as caught:
        settings.read(replaced(digits, f"datasets.digits.grid.sweeps.{sweep}", chosen))
    assert f"grid.sweeps.{expected}" in str(caught.value)
    assert f"would mix: name one in grid.sweeps.{sweep}.{setting}" in str(caught.value)


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
    """Every setting, and every one with a default, takes every wrong value: refused in one line, or meant to be.

    No setting is meant to be infinite, or no number.
    """
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
    """Whatever the rules between settings allow: sizes within the count, whole batches, sides that can be halved."""
    runs = draw(st.lists(_runs(), min_size=1, max_size=2))
    sizes = [size for run in runs for size in run["subset_sizes"]]
    cell = {name: runs[0][name][:1] for name in ("subset_sizes", "halves", "architectures", "scales")}
    heldout, mult = (
        draw(st.one_of(st.just(0), st.integers(16, 24))),
        draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)),
    )
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
def test_any_study_is_dumped_as_it_was_given_and_read_back_equal(config: dict[str, Any]) -> None:
    study = settings.read(config)
    dumped = study.model_dump(mode="json")
    assert _within(config, dumped)
    assert settings.read(yaml.safe_load(yaml.safe_dump(dumped))) == study
    assert settings.read(json.loads(json.dumps(dumped))) == study


OPEN = {("archives",), ("downloads",), ("datasets",)}  # whose keys are names that the user gives, as in options


def _mappings(content: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(content, dict) and path not in OPEN and path[-1:] != ("options",):
        yield path
    if isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from _mappings(value, (*path, key))


@given(config=_studies(), data=st.data())
def test_any_unknown_key_is_refused_wherever_it_stands(config: dict[str, Any], data: st.DataObject) -> None:
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


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such"):
        settings.load(tmp_path / "absent.yaml")
    for content, expected in (
        ("a: [", "not valid YAML"),
        ("- 1", "holds no settings"),
        ("!!python/object:x {}", "YAML"),
    ):
        (tmp_path / "bad.yaml").write_text(content)
        with pytest.raises(InputError, match=expected):
            settings.load(tmp_path / "bad.yaml")


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
