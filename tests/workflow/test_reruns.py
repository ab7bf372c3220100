"""Causes of reruns, by dry runs on finished results, and reruns after an interruption."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from smoke_study import SMOKE, command, edited, job_counts, planned, snakemake


def test_a_second_run_has_nothing_to_do(finished: Path) -> None:
    assert planned(at=finished) == []


def test_an_edited_comment_reruns_nothing(finished: Path, own_copy: Path) -> None:
    for path in [*own_copy.rglob("*.py"), *own_copy.rglob("*.smk")]:
        path.write_text(path.read_text() + "\n# a comment\n")
    assert planned(at=finished, workflow=own_copy) == []


def test_a_raised_version_of_the_numbers_reruns_the_jobs_that_depend_on_it(finished: Path, own_copy: Path) -> None:
    versions = own_copy / "workflow/hidden_gaussian/versions.py"
    versions.write_text(re.sub(r"(?m)^SAMPLING = (\d+)$", r"SAMPLING = 1\1", versions.read_text()))
    jobs = planned(at=finished, workflow=own_copy)
    rules, outputs = ({job[part] for job in jobs} for part in (0, 1))
    assert {"draw_samples", "compare_samples", "gather_tables", "judge_claims"} <= rules
    assert not rules & {"train_denoiser", "measure_denoiser", "fit_spectrum", "pack_images"}
    assert "results/digits/figures/samples.pdf" in outputs
    assert "results/digits/figures/sampler_error.pdf" not in outputs


@pytest.mark.parametrize("raised", ["AUGMENTED = 1", "IMAGES_OF = {'zip': 9}"])
def test_a_correction_for_other_inputs_reruns_nothing(finished: Path, own_copy: Path, raised: str) -> None:
    """The digits of the study are not augmented, and do not come from an archive."""
    versions = own_copy / "workflow/hidden_gaussian/versions.py"
    name = raised.split(" ")[0]
    versions.write_text(re.sub(rf"(?m)^{name}\b.*$", raised, versions.read_text()))
    assert raised in versions.read_text()
    assert planned(at=finished, workflow=own_copy) == []


def test_packing_the_same_pixels_again_trains_nothing(finished: Path, tmp_path: Path, own_copy: Path) -> None:
    place = tmp_path / "place"
    shutil.copytree(finished, place)
    versions = own_copy / "workflow/hidden_gaussian/versions.py"
    versions.write_text(versions.read_text().replace("IMAGES_OF: dict[str, int] = {}", "IMAGES_OF = {'digits': 9}"))
    images = place / "results/digits/images.npy"
    date = images.stat().st_mtime_ns
    stopped = snakemake("--configfile", str(SMOKE), at=place, workflow=own_copy)
    assert stopped.returncode != 0
    assert "images.npy was made with other settings" in stopped.stderr
    assert "run `snakemake results/digits/images.npy` first" in stopped.stderr
    target = "results/digits/images.npy"
    packed = snakemake("--configfile", str(SMOKE), "--", target, at=place, workflow=own_copy)
    assert packed.returncode == 0, packed.stderr
    assert "1 of 1 steps" in packed.stderr
    assert images.stat().st_mtime_ns == date
    assert planned(at=place, workflow=own_copy) == []


def test_a_changed_setting_reruns_the_jobs_that_use_it(finished: Path, tmp_path: Path) -> None:
    config = edited(SMOKE, lambda digits: digits["measures"].update(images=12), tmp_path)
    rules = {rule for rule, _ in planned(at=finished, config=config)}
    for words in (["-n"], ["--", "plan"]):
        done = snakemake("--configfile", str(config), *words, at=finished)
        assert "\nchanged for digits: measures.images 16 -> 12\n" in done.stdout
    assert "measure_denoiser" in rules
    assert not rules & {"train_denoiser", "draw_samples", "fit_spectrum", "pack_images"}


def test_an_appended_checkpoint_trains_only_the_new_segment(finished: Path, tmp_path: Path) -> None:
    def appended(digits: Any) -> None:
        digits["grid"]["runs"][0]["snapshots"].append(96)
        digits["grid"]["sweeps"]["size"]["images_seen"] = [64]  # both sizes have this checkpoint

    config = edited(SMOKE, appended, tmp_path)
    jobs = planned(at=finished, config=config)
    trained = [output for rule, output in jobs if rule == "train_denoiser" and "weights" in output]
    assert sorted(trained) == [f"results/digits/n16{half}/ve4r1/i96/weights.safetensors" for half in "ab"]


def test_removing_a_sweep_and_adding_it_again_trains_nothing(finished: Path, tmp_path: Path) -> None:
    config = edited(SMOKE, lambda digits: digits["grid"]["sweeps"].pop("time"), tmp_path)
    jobs = planned(at=finished, config=config)
    assert "results/digits/figures/training_time.pdf" not in {output for _, output in jobs}
    assert not {rule for rule, _ in jobs} & {"train_denoiser", "measure_denoiser", "draw_samples"}
    assert planned(at=finished) == []


@pytest.mark.fault(
    "the clock goes backwards between two jobs",
    "an output dated before its inputs is made again only if they changed",
)
def test_an_output_dated_before_its_inputs_is_made_again_only_if_they_changed(tmp_path: Path) -> None:
    subset, split = (tmp_path / "results/digits" / name for name in ("n16a/subset.npy", "split.safetensors"))
    target = str(subset.relative_to(tmp_path))
    done = snakemake("--configfile", str(SMOKE), "--", target, at=tmp_path)
    assert done.returncode == 0, done.stderr
    os.utime(subset, (1e9, 1e9))
    assert planned("--", target, at=tmp_path) == []
    split.write_bytes(split.read_bytes()[::-1])
    assert planned("--", target, at=tmp_path) == [("draw_subset", target)]


SHARDS = ["results/digits/n16a/ve4r1/i64/measures.parquet", "results/digits/n16a/ve4r1/i64/samples_heun18.npy"]


@pytest.mark.fault(
    "Snakemake and its jobs are killed during a training or a measurement; a second Snakemake on the folder",
    "after a rerun every file has the same bytes; the second one reports that the folder is locked",
)
@pytest.mark.parametrize("killed", ["train_denoiser/digits/n16a/ve4r1/i32", "measure_denoiser/digits/n16a/ve4r1/i64"])
def test_a_rerun_after_a_kill_gives_the_same_files(finished: Path, tmp_path: Path, killed: str) -> None:
    """SIGKILL for Snakemake and all its children while a job runs; a second run is locked out meanwhile."""
    begun = [*command(), "--configfile", str(SMOKE), "--directory", str(tmp_path), "--", *SHARDS]
    log = tmp_path / f"results/logs/{killed}.log"
    with subprocess.Popen(begun, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as run:
        while not log.exists():
            assert run.poll() is None, "Snakemake ended before the job began"
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGSTOP)  # so it cannot end while the second run starts
        other = snakemake("--configfile", str(SMOKE), "--", *SHARDS, at=tmp_path)
        os.killpg(run.pid, signal.SIGKILL)
    assert other.returncode != 0
    assert "lock" in other.stderr
    assert snakemake("--configfile", str(SMOKE), "--unlock", at=tmp_path).returncode == 0
    again = snakemake("--configfile", str(SMOKE), "--", *SHARDS, at=tmp_path)
    assert again.returncode == 0, again.stderr[-4000:]
    made = [
        path for path in tmp_path.rglob("results/digits/**/*") if path.suffix in {".npy", ".parquet", ".safetensors"}
    ]
    assert len(made) > 8
    for path in made:
        assert path.read_bytes() == (finished / path.relative_to(tmp_path)).read_bytes(), path.name


@pytest.fixture(scope="module")
def with_references(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A study with a further reference and weight, finished up to its measurements, and its settings."""
    folder = tmp_path_factory.mktemp("references")
    place = folder / "place"
    shutil.copytree(finished, place)
    config = edited(SMOKE, _added, folder)
    done = snakemake("--configfile", str(config), "--", "measures", at=place)
    assert done.returncode == 0, done.stderr
    return place, config


def _added(digits: Any) -> None:
    digits["measures"] |= {"references": ["stationary"], "alphas": [0.5**0.5, 0.9]}


def test_a_further_reference_or_weight_is_measured_alone(finished: Path, tmp_path: Path) -> None:
    config = edited(SMOKE, _added, tmp_path)
    jobs = job_counts("--", "measures", at=finished, config=config)
    subsets = 4
    new = {"fit_reference": subsets, "measure_denoiser": subsets, "measure_distances": subsets}
    assert jobs == new | {"measure_linearity": subsets, "measures": 1, "total": 4 * subsets + 1}
    measured = {output for rule, output in planned("--", "measures", at=finished, config=config)}
    assert not any("ve4r1" in output for output in measured)


def test_fewer_references_or_weights_measure_nothing(with_references: tuple[Path, Path]) -> None:
    place, _ = with_references
    assert planned("--", "measures", at=place) == []


def test_shards_of_an_earlier_version_are_divided_and_not_measured(
    with_references: tuple[Path, Path], tmp_path: Path
) -> None:
    """Such a version measured references and weights in one job, from one more file, and recorded that."""
    place, config = tmp_path / "place", with_references[1]
    shutil.copytree(with_references[0], place)
    for path in [
        *place.glob("results/digits/*/stationary/distances.parquet"),
        *place.glob("results/**/linearity.parquet"),
    ]:
        path.unlink()
    for path in place.glob("results/digits/*/stationary/denoiser.safetensors"):
        os.utime(path, (1e9, 1e9))  # it was fitted before the shards were measured
    for record in (place / ".snakemake/metadata").iterdir():
        content = json.loads(record.read_text())
        if content["rule"] in ("measure_denoiser", "measure_references"):
            (old,) = [text for text in content["params"] if "'linearity_levels'" in text]
            earlier = {**ast.literal_eval(old), "references": ["stationary"], "alphas": [0.5**0.5, 0.9]}
            content["params"] = sorted(repr(earlier) if text == old else text for text in content["params"])
            subset = next(part for part in content["log"][0].split("/") if re.fullmatch(r"n\d+[ab](\.log)?", part))
            fitted = f"results/digits/{subset.removesuffix('.log')}/stationary/denoiser.safetensors"
            content["input"] = sorted([*content["input"], fitted])
            record.write_text(json.dumps(content))
    rules = {rule for rule, _ in planned("--", "measures", at=place, config=config)}
    assert rules == {"measure_distances", "measure_linearity"}
