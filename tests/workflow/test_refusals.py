"""Bad inputs are refused in one sentence without a traceback, and results stay unchanged."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from smoke_study import SMOKE, edited, snakemake


@pytest.mark.parametrize("target", ["results/digits/figures/model_scale.pdf", "figure_model_scale"])
def test_a_figure_without_its_sweep_is_refused_with_the_setting_to_add(target: str, tmp_path: Path) -> None:
    done = snakemake("-n", "--configfile", str(SMOKE), "--", target, at=tmp_path)
    assert done.returncode != 0
    assert "the settings have no grid.sweeps.scale" in done.stdout + done.stderr


BAD_SETTINGS: dict[str, tuple[Any, str]] = {
    "misspelt setting": (lambda d: d.update(resolutoin=8), "resolutoin"),
    "misspelt sweep": (lambda d: d["grid"]["sweeps"].update(sizes={}), "grid.sweeps.sizes"),
    "halves overlap": (lambda d: d["grid"]["runs"][0].update(subset_sizes=[900]), "expected at most 866"),
    "more images than there are": (lambda d: d.update(heldout=1790), "expected at most 7 (source.count 1797"),
    "no batch": (lambda d: d["training"].update(batch=0), "training.batch: found 0; expected a number greater than 0"),
    "no number": (lambda d: d["training"].update(learning_rate=float("nan")), "training.learning_rate"),
    "a text": (lambda d: d.update(resolution="large"), "digits.resolution: found 'large'; expected a valid integer"),
    "unknown architecture": (lambda d: d["grid"]["runs"][0].update(architectures=["unet"]), "architectures.0"),
    "no snapshot": (lambda d: d["grid"]["runs"][0].update(snapshots=[]), "needs 'snapshots' (images seen) or 'epochs'"),
    "sweep of no cell": (
        lambda d: d["grid"]["sweeps"]["time"].update(scales=[5]),
        "grid.sweeps.time: no cell of the grid has scales 5",
    ),
    "sides that cannot be halved": (lambda d: d["network"].update(channel_mult=[1] * 5), "cannot be halved 4 times"),
    "surrogate without a source": (lambda d: d.update(source={"kind": "phase-surrogate", "count": 9}), "needs 'of'"),
    "no grid": (lambda d: d.pop("grid"), "datasets.digits.grid: this setting is missing"),
}
BAD_FILES = {
    "no mapping": ("- 1", "keys at top level"),
    "half a list": ("study: [", "not valid JSON or YAML"),
    "a call": ("study: !!python/object/apply:os.mkdir [called]", "not valid JSON or YAML"),
}
BAD_ARCHIVES: dict[str, tuple[Any, str]] = {
    "missing archive": (lambda d: d.update(source={"kind": "zip", "path": "absent.zip", "count": 1797}), "absent.zip"),
    "no archive": (
        lambda d: d.update(source={"kind": "zip", "path": "edited.yaml", "count": 1797}),
        "digits.source.path: edited.yaml is not a complete zip archive",
    ),
    "fewer images than declared": (
        lambda d: d["source"].update(count=2000),
        "digits has 1797 images; expected 2000",
    ),
}


def test_a_study_without_a_name_is_refused(tmp_path: Path) -> None:
    config = yaml.safe_load(SMOKE.read_text())
    config.pop("study")
    path = tmp_path / "nameless.yaml"
    path.write_text(yaml.safe_dump(config))
    done = snakemake("-n", "--configfile", str(path), at=tmp_path)
    assert done.returncode != 0
    assert "study: this setting is missing" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def _refused(expected: str, *arguments: str, at: Path) -> None:
    """Request images where there are results: Snakemake fails, says why, and changes no file except logs."""
    for name in ("digits/tables/distance.parquet", "other/images.npy"):
        (at / "results" / name).parent.mkdir(parents=True)
        (at / "results" / name).write_bytes(b"precious")
    before = _results(at)
    done = snakemake("--configfile", str(at / "edited.yaml"), *arguments, "--", "results/digits/images.npy", at=at)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert expected in output
    assert "Traceback" not in output
    assert _results(at) == before


def _results(at: Path) -> dict[Path, bytes]:
    ignored = {".snakemake", "logs", "settings.json"}
    return {path: path.read_bytes() for path in at.rglob("*") if path.is_file() and not ignored & set(path.parts)}


@pytest.mark.fault("bad settings, through Snakemake", "one sentence, no traceback, nothing changed")
@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings_are_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    change, expected = BAD_SETTINGS[case]
    edited(SMOKE, change, tmp_path)
    _refused(expected, "-n", at=tmp_path)


@pytest.mark.fault(
    "a settings file that cannot be read, through Snakemake", "one sentence, no traceback, nothing changed"
)
@pytest.mark.parametrize("case", BAD_FILES)
def test_unreadable_settings_files_are_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    content, expected = BAD_FILES[case]
    (tmp_path / "edited.yaml").write_text(content)
    _refused(expected, "-n", at=tmp_path)


@pytest.mark.fault("bad images, through Snakemake", "one sentence, no traceback, nothing changed")
@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_bad_images_are_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    change, expected = BAD_ARCHIVES[case]
    edited(SMOKE, change, tmp_path)
    _refused(expected, at=tmp_path)


@pytest.mark.fault("a read-only results folder, through Snakemake", "one sentence, before any job")
def test_a_read_only_results_folder_is_refused_in_one_sentence(tmp_path: Path, read_only: Any) -> None:
    (tmp_path / "results").mkdir()
    read_only(tmp_path / "results")
    done = snakemake("--configfile", str(SMOKE), "--", "results/digits/images.npy", at=tmp_path)
    assert done.returncode != 0
    assert re.search(r"results/digits: cannot be written \(.+\); set 'results' to another folder", done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((tmp_path / "results").iterdir())


@pytest.mark.fault("results of another study under the same name", "refused; the results stay unchanged")
def test_results_of_another_study_are_not_overwritten(finished: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(SMOKE.read_text())
    config["study"] = "other"
    config["datasets"]["digits"]["training"]["batch"] = 8
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(config))
    done = snakemake("-n", "--configfile", str(path), at=finished)
    assert done.returncode != 0
    assert "training.batch" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
