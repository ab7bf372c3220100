"""What a study costs, against counts by hand and the jobs of a dry run."""

from pathlib import Path
from typing import Any

import pytest

from hidden_gaussian import settings
from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError
from hidden_gaussian.figures import available, input_files
from hidden_gaussian.planning import cost
from hidden_gaussian.plotting.entry import first_replicates
from hidden_gaussian.results_index import ResultsIndex
from smoke_study import SMOKE, edited, job_counts, planned, replaced, snakemake


def test_autoencoders_count_ten_networks_and_are_sampled_at_their_levels(config: dict[str, Any]) -> None:
    runs = [*config["datasets"]["digits"]["grid"]["runs"]]
    runs += [{"subset_sizes": [16], "architectures": ["dae-skip"], "scales": [4], "snapshots": [32, 96]}]
    changed = replaced(config, "datasets.digits.grid.runs", runs)
    changed = replaced(changed, "datasets.digits.grid.sweeps", {"size": {"architectures": ["ve"]}})
    study = settings.read(changed)
    digits = study.datasets["digits"]
    cells = digits.cells("digits")
    solvers = {cell.architecture: ResultsIndex.of("digits", digits).solver(cell.id) for cell in cells}
    assert solvers == {"ve": "heun18", "dae-skip": "euler10"}
    row = cost.describe(study).splitlines()[1].split()
    assert row[:4] == ["digits", "8", "5", f"{4 * 64 + 10 * 96:,}"]
    assert "digits/n16a/dae-skip4r1/i32/states.zip" in cost.superseded(study)
    assert cost.disk_gigabytes(digits, cells[-1:]) > cost.disk_gigabytes(digits, cells[:1])
    with pytest.raises(InputError, match=r"digits\.measures\.levels: found 12; expected 10"):
        settings.read(replaced(changed, "datasets.digits.measures.levels", 12))


def test_plan_counts_runs_once(config: dict[str, Any]) -> None:
    study = settings.read(config)
    row = cost.describe(study).splitlines()[1].split()
    assert row[:4] == ["digits", "6", "4", str(4 * 64)]
    assert cost.superseded(study) == [f"digits/n16{half}/ve4r1/i32/state.safetensors" for half in "ab"]


def notes(config: dict[str, Any]) -> list[str]:
    """Return the lines of the plan below its table."""
    study = settings.read(config)
    return cost.describe(study).splitlines()[1 + len(study.datasets) :]


def test_the_plan_counts_figures_and_names_absent_files(config: dict[str, Any], tmp_path: Path) -> None:
    study = settings.read(config)
    figures = available(ResultsIndex.of("digits", study.datasets["digits"], study.datasets))
    assert cost.describe(study).splitlines()[1].split()[-1] == str(len(figures))
    source = {"kind": "folder", "count": 64, "path": "mine"}
    named = replaced(replaced(config, "datasets.digits.heldout", source), "archives", {"mine": str(tmp_path)})
    assert not any("does not exist" in line for line in notes(named))
    moved = replaced(named, "archives", {"mine": str(tmp_path / "elsewhere")})
    assert notes(moved)[0].startswith(f"datasets.digits.heldout: {tmp_path / 'elsewhere'} does not exist; ")


def test_the_plan_names_cells_that_nothing_measures(config: dict[str, Any]) -> None:
    (line,) = notes(config)
    assert line.startswith("datasets.digits.grid: 1 cell is in no sweep (n16b/ve4r1/i32). Such cells are not ")
    whole = replaced(config, "datasets.digits.grid.sweeps.halves_stopped", {"subset_sizes": [16], "images_seen": [32]})
    assert notes(whole) == []
    runs = [*config["datasets"]["digits"]["grid"]["runs"]]
    runs += [{"subset_sizes": [64], "halves": ["a", "b"], "scales": [4], "snapshots": [32, 64]}]
    wider = replaced(whole, "datasets.digits.grid.runs", runs)
    wider = replaced(wider, "datasets.digits.grid.sweeps.size", {"subset_sizes": [16, 32], "halves": ["a"]})
    (line,) = notes(wider)
    assert "4 cells are in no sweep (n64a/ve4r1/i32, n64a/ve4r1/i64, n64b/ve4r1/i32 ...)" in line
    spliced = replaced(wider, "datasets.digits.sampling.splice", {"subset_sizes": [64], "images_seen": [32]})
    jacobian = {"cells": {"subset_sizes": [64], "halves": ["a"]}}
    (line,) = notes(replaced(spliced, "datasets.digits.measures.jacobian", jacobian))
    assert "1 cell is in no sweep (n64b/ve4r1/i64)" in line


def test_the_plan_counts_the_jobs_of_a_dry_run(tmp_path: Path) -> None:
    jobs = job_counts(at=tmp_path)["total"]
    done = snakemake("--configfile", str(SMOKE), "--", "plan", at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"\nLeft to do: {jobs} jobs, about " in done.stdout
    assert jobs > 80


def test_an_autoencoder_is_sampled_at_its_levels_in_figures_of_networks(config: dict[str, Any]) -> None:
    changed = replaced(config, "datasets.digits.grid.runs.0.architectures", ["dae-linear"])
    changed = replaced(changed, "datasets.digits.grid.runs.1.architectures", ["dae-linear"])
    digits = settings.read(replaced(changed, "datasets.digits.sampling.splice", {})).datasets["digits"]
    whole = ResultsIndex.of("digits", digits)
    for name in available(whole):
        networks = [path for path in input_files(name, whole) if "dae-linear" in path]
        assert not [path for path in networks if "heun18" in path], name


def test_the_first_replicate_is_chosen_snapshot_by_snapshot() -> None:
    published = Cell("digits", 8, "a", "ve", 4, 0, 640)
    trained = [Cell("digits", 8, "a", "ve", 4, replicate, 64) for replicate in (1, 2)]
    assert first_replicates([*trained, published]) == [trained[0], published]


def test_the_network_shown_alone_is_trained_longest_largest_and_of_half_a() -> None:
    runs = [("b", 128, 1, 640), ("a", 4, 1, 640), ("a", 128, 1, 64), ("a", 128, 2, 640), ("a", 128, 1, 640)]
    ids = [Cell("digits", size, half, name, *rest).id for name in ("dae-ve", "ve") for size in (8, 64)
           for half, *rest in runs]  # fmt: skip
    whole = ResultsIndex("digits", {}, "n64a", ["train"], "heun18", (1, 8, 8), {}, splice_cells=ids, jacobian_cells=ids)
    assert [cell.id for cell in whole.shown_splice_cells] == ["n8a/ve128r1/i640", "n64a/ve128r1/i640"]
    assert whole.main_jacobian_cell.id == "n64a/ve128r1/i640"
    assert [cell.id for cell in whole.shown_jacobian_cells][2:] == ["n8a/dae-ve128r1/i640"]


def test_a_study_without_sweeps_has_tables(tmp_path: Path) -> None:
    def unswept(digits: Any) -> None:
        digits["grid"]["sweeps"] = {}

    jobs = planned("--", "tables", "claims", at=tmp_path, config=edited(SMOKE, unswept, tmp_path))
    assert {"gather_tables", "judge_claims", "measure_sampler"} <= {rule for rule, _ in jobs}
