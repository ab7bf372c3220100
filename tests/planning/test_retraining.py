"""A run that would train finished networks again stops and says why, unless it is told to."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from smoke_study import SMOKE, edited, snakemake

NETWORK = "results/digits/n16a/ve4r1/i64/weights.safetensors"


@pytest.fixture
def place(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished study, with the dates and the record of Snakemake."""
    shutil.copytree(finished, tmp_path / "place")
    return tmp_path / "place"


def _run(place: Path, *arguments: str, config: Path = SMOKE) -> tuple[int, str]:
    done = snakemake("--configfile", str(config), *arguments, at=place)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def _faster(tmp_path: Path) -> Path:
    return edited(SMOKE, lambda digits: digits["training"].update(learning_rate=0.001), tmp_path)


@pytest.mark.fault(
    "a setting of training changes under finished networks", "the run stops and names it; nothing is lost"
)
def test_another_learning_rate_stops_the_run_and_is_named(place: Path, tmp_path: Path) -> None:
    before = (place / NETWORK).read_bytes()
    config = _faster(tmp_path)
    code, output = _run(place, "--", "networks", config=config)
    assert code != 0
    assert "retrains 6 finished networks of digits (n16a/ve4r1/i32, n16a/ve4r1/i64, n16b/ve4r1/i32 ...; " in output
    assert "because training.learning_rate 0.002 -> 0.001" in output
    assert "--config retrain=true" in output
    assert (place / NETWORK).read_bytes() == before
    for command in (("-n", "--", "networks"), ("--", "plan")):
        code, output = _run(place, *command, config=config)
        assert code == 0
        assert "because training.learning_rate 0.002 -> 0.001" in output


def test_a_run_that_is_told_to_trains_again(place: Path, tmp_path: Path) -> None:
    before = (place / NETWORK).read_bytes()
    code, output = _run(place, "--config", "retrain=true", "--", NETWORK, config=_faster(tmp_path))
    assert code == 0, output
    assert "training.learning_rate 0.002 -> 0.001" in output  # the record of the folder changes, and says so
    assert (place / NETWORK).read_bytes() != before


def test_a_forced_rule_is_no_accident(place: Path) -> None:
    code, output = _run(place, "-n", "-R", "train_denoiser", "--", NETWORK)
    assert code == 0
    assert "trains 2 networks" in output
    assert "retrains" not in output


def test_forcing_a_figure_does_not_hide_a_loss(place: Path, tmp_path: Path) -> None:
    before = (place / NETWORK).read_bytes()
    code, output = _run(place, "-R", "plot_figure", "--", "figures", config=_faster(tmp_path))
    assert code != 0
    assert "because training.learning_rate 0.002 -> 0.001" in output
    assert (place / NETWORK).read_bytes() == before


def test_a_checkpoint_after_a_forced_one_is_a_loss(place: Path) -> None:
    earlier = NETWORK.replace("i64", "i32")
    code, output = _run(place, "-n", "-R", earlier, "--", NETWORK)
    assert code == 0
    assert "retrains 1 finished network of digits (n16a/ve4r1/i64; " in output
    assert f"because {earlier} is made again" in output


def test_an_early_checkpoint_that_is_removed_costs_no_training(place: Path, tmp_path: Path) -> None:
    def later(digits: Any) -> None:
        digits["grid"]["runs"][0]["snapshots"] = [64]
        digits["grid"]["sweeps"].pop("time")

    config = edited(SMOKE, later, tmp_path)
    code, output = _run(place, "--", "networks", config=config)
    assert code != 0
    assert "because an earlier checkpoint was added or removed, which changes no number" in output
    _touched(place, config, "networks")


def _touched(place: Path, config: Path, target: str) -> None:
    """`snakemake --touch` keeps the networks, byte by byte, and the next run has nothing to do."""
    before = (place / NETWORK).read_bytes()
    code, output = _run(place, "--touch", "--", target, config=config)
    assert code == 0, output
    code, output = _run(place, "--", target, config=config)
    assert code == 0
    assert "Nothing to be done" in output
    assert (place / NETWORK).read_bytes() == before


@pytest.mark.fault(
    "results are copied without their dates and without .snakemake", "the run stops and names the way out"
)
def test_dates_alone_are_told_from_changes(place: Path) -> None:
    shutil.rmtree(place / ".snakemake")
    for path in sorted((place / "results/digits").rglob("*"), reverse=True):
        path.touch()
    (place / "results/digits/images.npy").touch()
    code, output = _run(place, "--", "networks")
    assert code != 0
    assert "because only the dates of files differ" in output
    assert "`snakemake --touch` with the same options keeps everything, since no number changes" in output
    _touched(place, SMOKE, "networks")


def test_other_images_are_told_from_other_dates(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    split = edited(SMOKE, lambda digits: digits.update(near_duplicates=False, heldout=300), tmp_path)
    assert _run(other, "--", "results/digits/n16a/subset.npy", config=split)[0] == 0
    shutil.copy(other / "results/digits/n16a/subset.npy", place / "results/digits/n16a/subset.npy")
    code, output = _run(place, "--", NETWORK)
    assert code != 0
    assert "because its training images are others" in output


def test_a_training_that_was_killed_is_not_lost(place: Path) -> None:
    """Its files may be written already, but Snakemake marks them as incomplete."""
    marks = place / ".snakemake/incomplete"
    for record in (place / ".snakemake/metadata").iterdir():
        if record.name.startswith("cmVzdWx0cy9kaWdpdHMvbjE2YS92ZTRyMS9pNjQv"):  # results/digits/n16a/ve4r1/i64/
            (marks / record.name).touch()
    code, output = _run(place, "-n", "--", NETWORK)
    assert code == 0
    assert "trains 1 network:" in output
    assert "retrains" not in output
