"""What the workflow refuses: one sentence without a traceback, and results that stay as they were."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from smoke_study import SMOKE, edited, snakemake


@pytest.mark.parametrize("target", ["results/digits/figures/model_scale.pdf", "figure_model_scale"])
def test_a_figure_without_its_sweep_names_the_setting(target: str, tmp_path: Path) -> None:
    done = snakemake("-n", "--configfile", str(SMOKE), "--", target, at=tmp_path)
    assert done.returncode != 0
    assert "the settings have no grid.sweeps.scale" in done.stdout + done.stderr


BAD_SETTINGS: dict[str, tuple[Any, str]] = {
    "misspelt setting": (lambda d: d.update(resolutoin=8), "resolutoin"),
    "misspelt sweep": (lambda d: d["grid"]["sweeps"].update(sizes={}), "grid.sweeps.sizes"),
    "halves overlap": (lambda d: d["grid"]["runs"][0].update(subset_sizes=[900]), "disjoint only up to 866"),
    "more images than there are": (lambda d: d.update(heldout=1790), "there are only 7"),
    "no batch": (lambda d: d["training"].update(batch=0), "training.batch: Input should be greater than 0"),
    "no number": (lambda d: d["training"].update(learning_rate=float("nan")), "training.learning_rate"),
    "a text": (lambda d: d.update(resolution="large"), "digits.resolution: Input should be a valid integer"),
    "unknown architecture": (lambda d: d["grid"]["runs"][0].update(architectures=["unet"]), "architectures.0"),
    "no snapshot": (lambda d: d["grid"]["runs"][0].update(snapshots=[]), "needs 'snapshots' (images seen) or 'epochs'"),
    "sweep of no cell": (
        lambda d: d["grid"]["sweeps"]["time"].update(scales=[5]),
        "grid.sweeps.time asks for scales 5",
    ),
    "sides that cannot be halved": (lambda d: d["network"].update(channel_mult=[1] * 5), "cannot be halved 4 times"),
    "imitation of nothing": (lambda d: d.update(source={"kind": "phase-surrogate", "count": 9}), "needs 'of'"),
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


def test_a_study_that_forgot_its_name_is_not_the_default_one(tmp_path: Path) -> None:
    config = yaml.safe_load(SMOKE.read_text())
    config.pop("study")
    path = tmp_path / "nameless.yaml"
    path.write_text(yaml.safe_dump(config))
    done = snakemake("-n", "--configfile", str(path), at=tmp_path)
    assert done.returncode != 0
    assert "study: this setting is missing" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def _refused(expected: str, *arguments: str, at: Path) -> None:
    """Ask for images where there are results: it fails, says why, and changes no file but logs."""
    for name in ("digits/tables/distance.parquet", "other/images.npy"):
        (at / "results" / name).parent.mkdir(parents=True)
        (at / "results" / name).write_bytes(b"dear")
    before = _kept(at)
    done = snakemake("--configfile", str(at / "edited.yaml"), *arguments, "--", "results/digits/images.npy", at=at)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert expected in said
    assert "Traceback" not in said
    assert _kept(at) == before


def _kept(at: Path) -> dict[Path, bytes]:
    own = {".snakemake", "logs", "settings.json"}
    return {path: path.read_bytes() for path in at.rglob("*") if path.is_file() and not own & set(path.parts)}


@pytest.mark.fault("bad settings through Snakemake", "one sentence, no traceback, nothing changed")
@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings_are_one_sentence_without_a_traceback(case: str, tmp_path: Path) -> None:
    change, expected = BAD_SETTINGS[case]
    edited(SMOKE, change, tmp_path)
    _refused(expected, "-n", at=tmp_path)


@pytest.mark.fault("a configuration that is no settings, through Snakemake", "one sentence, nothing changed")
@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_configurations_are_one_sentence_without_a_traceback(case: str, tmp_path: Path) -> None:
    content, expected = BAD_FILES[case]
    (tmp_path / "edited.yaml").write_text(content)
    _refused(expected, "-n", at=tmp_path)


@pytest.mark.fault("bad images through Snakemake", "one sentence, no traceback, nothing changed")
@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_bad_images_are_one_sentence_without_a_traceback(case: str, tmp_path: Path) -> None:
    change, expected = BAD_ARCHIVES[case]
    edited(SMOKE, change, tmp_path)
    _refused(expected, at=tmp_path)


@pytest.mark.fault("results on a read-only place, through Snakemake", "one sentence, before any job")
def test_a_read_only_place_of_results_is_one_sentence(tmp_path: Path, read_only: Any) -> None:
    (tmp_path / "results").mkdir()
    read_only(tmp_path / "results")
    done = snakemake("--configfile", str(SMOKE), "--", "results/digits/images.npy", at=tmp_path)
    assert done.returncode != 0
    assert re.search(r"results/digits cannot be written \(.+\); choose another with 'results'", done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((tmp_path / "results").iterdir())


@pytest.mark.fault("another study's results under the same name", "refused; left alone")
def test_results_of_another_study_are_left_alone(finished: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(SMOKE.read_text())
    config["study"] = "other"
    config["datasets"]["digits"]["training"]["batch"] = 8
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(config))
    done = snakemake("-n", "--configfile", str(path), at=finished)
    assert done.returncode != 0
    assert "training.batch" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
