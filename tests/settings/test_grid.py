"""Runs and sweeps: which cells they select, with which snapshots and networks."""

from pathlib import Path
from typing import Any

import pytest

from hidden_gaussian import settings
from hidden_gaussian.errors import InputError
from hidden_gaussian.training.segment import Segment
from smoke_study import replaced


def test_snapshots_are_whole_batches_without_duplicates() -> None:
    run = settings.Run(subset_sizes=(100,), scales=(4,), snapshots=(640,), epochs=(1, 1.2, 6.4))
    assert run.saved_at(100, 64) == (128, 640)


def test_epochs_are_the_decimals_that_were_written() -> None:
    """In binary, 100 x 1.1 is 110.00000000000001, and 100 x 1e308 is infinite."""
    run = settings.Run(subset_sizes=(100,), scales=(4,), epochs=(0, 1e-9, 1.1, 1.11))
    assert run.saved_at(100, 10) == (0, 10, 110, 120)
    assert settings.Run(subset_sizes=(100,), scales=(4,), epochs=(1e308,)).saved_at(100, 10) == (10**310,)


def test_sweeps_choose_cells(config: dict[str, Any]) -> None:
    dataset = settings.read(config).datasets["digits"]
    assert [cell.id for cell in dataset.sweep("digits", "time")] == ["n16a/ve4r1/i32", "n16a/ve4r1/i64"]
    assert {cell.subset for cell in dataset.sweep("digits", "halves_large")} == {"n32a", "n32b"}
    assert dataset.sweep("digits", "scale") == []


def test_a_run_may_change_the_network_of_its_cells(config: dict[str, Any]) -> None:
    """Options that the run leaves out, and other runs, keep the values of the dataset's network."""
    config = replaced(config, "datasets.digits.grid.sweeps", {})
    plain = settings.read(config).datasets["digits"]
    first = plain.grid.runs[0]
    other = {**config["datasets"]["digits"]["grid"]["runs"][0], "architectures": ["adm"], "network": {"blocks": 3}}
    runs = [*config["datasets"]["digits"]["grid"]["runs"], other]
    study = settings.read(replaced(config, "datasets.digits.grid.runs", runs))
    digits = study.datasets["digits"]
    assert settings.read(study.model_dump(mode="json")) == study
    for cell in digits.cells("digits"):
        blocks = 3 if cell.architecture == "adm" else plain.network.blocks
        assert digits.network_of(cell).model_dump() == {**plain.network.model_dump(), "blocks": blocks}
        files: dict[str, Any] = {"images": Path("i"), "subset": Path("s"), "before": ()}
        assert Segment.of(study, "digits", cell.id, **files).network == digits.network_of(cell)
    adm = {cell.run for cell in digits.cells("digits") if cell.architecture == "adm"}
    assert adm
    recorded = study.numbers("digits")["networks"]
    assert {run for run, network in recorded.items() if network["blocks"] == 3} == adm
    assert first.network is None


def test_one_training_has_one_network(config: dict[str, Any]) -> None:
    """Also if several runs give its snapshots, because each snapshot continues the one before."""
    config = replaced(config, "datasets.digits.grid.sweeps", {})
    runs = config["datasets"]["digits"]["grid"]["runs"]
    later = {**runs[0], "snapshots": [640]}
    settings.read(replaced(config, "datasets.digits.grid.runs", [*runs, later]))
    with pytest.raises(InputError, match=r"grid\.runs: gives n\d+a/ve4r1 different networks"):
        settings.read(replaced(config, "datasets.digits.grid.runs", [*runs, {**later, "network": {"dropout": 0.3}}]))
    same = settings.read(config).datasets["digits"].network.dropout
    settings.read(replaced(config, "datasets.digits.grid.runs", [*runs, {**later, "network": {"dropout": same}}]))


def test_a_training_segment_continues_from_the_checkpoint_before(config: dict[str, Any]) -> None:
    study = settings.read(config)
    digits = study.datasets["digits"]
    cell = digits.cells("digits")[-1]
    files: dict[str, Any] = {"images": Path("i"), "subset": Path("s")}
    first = Segment.of(study, "digits", cell.id, **files, before=())
    later = Segment.of(study, "digits", cell.id, **files, before=("before/state.safetensors",))
    assert first.previous_state is None
    assert later.previous_state == Path("before/state.safetensors")
    assert (later.cell, later.seed, later.training) == (cell, study.seed, digits.training)
