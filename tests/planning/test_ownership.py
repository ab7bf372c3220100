"""Ownership of a results folder: the same study may continue, and another one is refused."""

import re
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from hidden_gaussian import settings
from hidden_gaussian.errors import InputError
from hidden_gaussian.planning import ownership
from hidden_gaussian.storage import arrays
from smoke_study import SMOKE, edited, planned, replaced, snakemake


def _everything(study: settings.Study) -> list[str]:
    """A file of each dataset."""
    return [f"{study.results}/{name}/images.npy" for name in study.datasets]


def test_another_study_does_not_overwrite(config: dict[str, Any], tmp_path: Path) -> None:
    config["results"] = str(tmp_path)
    study = settings.read(config)
    ownership.check(study)
    ownership.record(study, _everything(study))
    faster = replaced(config, "datasets.digits.training.learning_rate", 1e-3)
    ownership.check(settings.read(faster))
    ownership.check(settings.read({**config, "study": "other"}))
    with pytest.raises(InputError, match=r"/digits: holds results of study 'smoke' .*training\.learning_rate"):
        ownership.check(settings.read({**faster, "study": "other"}))
    network = replaced(config, "datasets.digits.grid.runs.0.network", {"dropout": 0.3})
    with pytest.raises(InputError, match=r"with other settings \(networks"):
        ownership.check(settings.read({**network, "study": "other"}))


@pytest.mark.parametrize(("architecture", "refused"), [("dae-skip", True), ("dae-dit", False)])
def test_another_microbatch_is_another_study_where_it_changes_numbers(
    config: dict[str, Any], tmp_path: Path, architecture: str, refused: bool
) -> None:
    config = replaced(config, "results", str(tmp_path))
    config = replaced(config, "datasets.digits.grid.runs.0.architectures", ["ve", architecture])
    config = replaced(config, "datasets.digits.grid.sweeps", {})
    ownership.record(settings.read(config), _everything(settings.read(config)))
    other = settings.read({**replaced(config, "datasets.digits.training.microbatch", 4), "study": "other"})
    with pytest.raises(InputError, match=r"training\.microbatch") if refused else nullcontext():
        ownership.check(other)


@pytest.mark.fault("a declared checksum that the packed data do not have", "refused before any job")
@pytest.mark.parametrize(("role", "key"), [("images", "source"), ("heldout", "heldout"), ("foreign", "foreign")])
def test_packed_images_of_other_data_than_declared_are_refused(
    config: dict[str, Any], tmp_path: Path, role: str, key: str
) -> None:
    source = {"kind": "folder", "path": "faces", "count": 1797, "sha256": "A" * 64}
    study = settings.read({**replaced(config, f"datasets.digits.{key}", source), "results": str(tmp_path)})
    ownership.record(study, _everything(study))
    packed = tmp_path / f"digits/{role}.npy"
    packed.touch()
    arrays.save_json(packed.with_suffix(".json"), {"sha256": "a" * 64})
    ownership.check(study)
    arrays.save_json(packed.with_suffix(".json"), {"sha256": "b" * 64})
    with pytest.raises(InputError, match=rf"digits\.{key}\.sha256: found A+, but .*{role}\.npy .* b+; delete"):
        ownership.check(study)
    packed.unlink()
    ownership.check(study)


def test_an_unwritable_results_folder_is_one_sentence(config: dict[str, Any], tmp_path: Path) -> None:
    """The parent of the folder is a file, which stops even root."""
    (tmp_path / "file").write_text("")
    study = settings.read({**config, "results": str(tmp_path / "file/results")})
    ownership.check(study)
    with pytest.raises(InputError, match=r"file/results/digits: cannot be written \(Not a directory\); set 'results'"):
        ownership.record(study, _everything(study))


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """Finished results, copied without what Snakemake knows of them."""
    shutil.copytree(finished / "results", tmp_path / "copied/results")
    return tmp_path / "copied"


@pytest.mark.fault("results are copied without .snakemake, and a setting changes", "refused; the setting is named")
@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("seed", 1, "seed 0 -> 1"),
        ("datasets.digits.measures.images", 12, "measures.images 16 -> 12"),
        ("datasets.digits.sampling.count", 30, "sampling.count 20 -> 30"),
        ("datasets.digits.distillation.draws", 512, "distillation.draws 256 -> 512"),
        ("datasets.digits.training.batch", 8, "training.batch 16 -> 8"),
    ],
)
def test_copied_results_do_not_take_other_settings(
    copied: Path, tmp_path: Path, config: dict[str, Any], path: str, value: object, named: str
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(replaced({"seed": 0, **config}, path, value)))
    recorded = (copied / "results/digits/settings.json").read_bytes()
    done = snakemake("--configfile", str(other), "--", "tables", at=copied)
    assert done.returncode != 0
    assert f"results/digits: made with other settings ({named})" in done.stderr
    assert "Traceback" not in done.stderr
    assert (copied / "results/digits/settings.json").read_bytes() == recorded


def test_copied_results_are_compared_with_the_versions(copied: Path, own_copy: Path) -> None:
    versions = own_copy / "workflow/hidden_gaussian/versions.py"
    versions.write_text(re.sub(r"(?m)^ESTIMATES = (\d+)$", r"ESTIMATES = 1\1", versions.read_text()))
    done = snakemake("--configfile", str(SMOKE), "--", "tables", at=copied, workflow=own_copy)
    assert done.returncode != 0
    assert "(versions.ESTIMATES " in done.stderr


def test_copied_results_go_on_with_the_same_settings(copied: Path) -> None:
    (copied / "results/digits/figures/samples.pdf").unlink()
    assert {rule for rule, _ in planned("--", "figure_samples", at=copied)} == {"plot_figure"}
    done = snakemake("--configfile", str(SMOKE), "--", "figure_samples", at=copied)
    assert done.returncode == 0, done.stderr
    assert "could not be checked" not in done.stderr


def test_a_record_of_an_earlier_version_is_judged_by_the_keys_that_it_has(copied: Path, tmp_path: Path) -> None:
    record = copied / "results/digits/settings.json"
    content = arrays.load_json(record)
    for key in ("versions", "measures", "sampling", "distillation", "networks"):
        content.pop(key)
    arrays.save_json(record, content)
    (copied / "results/digits/figures/samples.pdf").unlink()
    seeded = snakemake("--configfile", str(SMOKE), "--config", "seed=1", "--", "figure_samples", at=copied)
    assert "(seed 0 -> 1)" in seeded.stderr
    done = snakemake("--configfile", str(SMOKE), "--", "figure_samples", at=copied)
    assert done.returncode == 0, done.stderr
    assert (
        "settings.json has no distillation, measures, networks, sampling, versions; whether these are still the same "
        "could not be checked"
    ) in done.stderr
    assert "versions" in arrays.load_json(record)


def test_a_plan_with_other_settings_records_nothing(finished: Path, tmp_path: Path) -> None:
    record = finished / "results/digits/settings.json"
    before = record.read_bytes()
    config = edited(SMOKE, lambda digits: digits["training"].update(learning_rate=0.001), tmp_path)
    assert snakemake("--configfile", str(config), "--", "plan", at=finished).returncode == 0
    assert record.read_bytes() == before
