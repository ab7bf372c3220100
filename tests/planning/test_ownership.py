"""Ownership of a results folder: the same study may continue, and another one is refused."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from hidden_gaussian import settings
from hidden_gaussian.errors import InputError
from hidden_gaussian.planning import ownership
from hidden_gaussian.storage import arrays
from smoke_study import replaced


def test_another_study_does_not_overwrite(config: dict[str, Any], tmp_path: Path) -> None:
    config["results"] = str(tmp_path)
    study = settings.read(config)
    ownership.check(study)
    ownership.record(study)
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
    ownership.record(settings.read(config))
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
    ownership.record(study)
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
        ownership.record(study)
