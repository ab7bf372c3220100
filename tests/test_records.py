"""Whose results these are: the same study may go on, and another one is refused."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from smoke_study import replaced

from hidden_gaussian import records, settings
from hidden_gaussian.errors import InputError


def test_another_study_does_not_overwrite(config: dict[str, Any], tmp_path: Path) -> None:
    config["results"] = str(tmp_path)
    study = settings.read(config)
    records.check(study)
    records.record(study)
    same_study = settings.read(replaced(config, "datasets.digits.training.learning_rate", 1e-3))
    records.check(same_study)
    other = replaced(replaced(config, "datasets.digits.training.learning_rate", 1e-3), "study", "other")
    with pytest.raises(InputError, match=r"study 'smoke' .*training\.learning_rate"):
        records.check(settings.read(other))
    records.check(settings.read(replaced(config, "study", "other")))


def test_another_network_is_another_study(config: dict[str, Any], tmp_path: Path) -> None:
    config["results"] = str(tmp_path)
    records.record(settings.read(config))
    changed = replaced(replaced(config, "datasets.digits.grid.runs.0.network", {"dropout": 0.3}), "study", "other")
    with pytest.raises(InputError, match=r"with other settings \(networks"):
        records.check(settings.read(changed))


@pytest.mark.parametrize(("architecture", "refused"), [("dae-skip", True), ("dae-dit", False)])
def test_another_microbatch_is_another_study_where_it_changes_numbers(
    config: dict[str, Any], tmp_path: Path, architecture: str, refused: bool
) -> None:
    config = replaced(config, "results", str(tmp_path))
    config = replaced(config, "datasets.digits.grid.runs.0.architectures", ["ve", architecture])
    config = replaced(config, "datasets.digits.grid.sweeps", {})
    records.record(settings.read(config))
    other = settings.read({**replaced(config, "datasets.digits.training.microbatch", 4), "study": "other"})
    with pytest.raises(InputError, match=r"training\.microbatch") if refused else nullcontext():
        records.check(other)


def test_an_unwritable_results_folder_is_one_sentence(config: dict[str, Any], tmp_path: Path) -> None:
    """A file where a folder should be, which stops even root."""
    (tmp_path / "taken").write_text("")
    study = settings.read({**config, "results": str(tmp_path / "taken/results")})
    records.check(study)
    with pytest.raises(InputError, match=r"taken/results/digits cannot be written \(Not a directory\); choose another"):
        records.record(study)
