"""The jobs that a target needs, by dry runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hidden_gaussian.figures import ENTRIES
from smoke_study import ROOT, SMOKE, edited, job_counts, planned, snakemake


def test_the_figure_of_dataset_sizes_needs_one_half_with_references_and_nulls(tmp_path: Path) -> None:
    jobs = planned("--", "results/digits/figures/dataset_size.pdf", at=tmp_path)
    outputs = {output.removeprefix("results/digits/") for _, output in jobs}
    networks = {"n16a/ve4r1/i32", "n16a/ve4r1/i64", "n32a/ve4r1/i64"}  # the second continues the first
    assert {output for output in outputs if "weights" in output} == {f"{name}/weights.safetensors" for name in networks}
    assert job_counts("--", "results/digits/figures/dataset_size.pdf", at=tmp_path) == {
        "pack_images": 2,
        "split_images": 1,
        "draw_subset": 2,
        "fit_spectrum": 2,
        "train_denoiser": 3,
        "draw_samples": 2,
        "draw_references": 2,
        "measure_denoiser": 2,
        "measure_references": 2,
        "measure_nulls": 2,
        "plot_figure": 1,
        "total": 21,
    }
    assert not any(output.startswith(("n16b", "n32b")) for output in outputs)


def test_a_figure_trains_only_its_own_cells(tmp_path: Path) -> None:
    jobs = planned("--", "results/digits/figures/training_time.pdf", at=tmp_path)
    trained = {output for rule, output in jobs if rule == "train_denoiser" and "weights" in output}
    assert trained == {f"results/digits/n16a/ve4r1/i{images}/weights.safetensors" for images in (32, 64)}
    drawn = {Path(output).stem for rule, output in jobs if rule == "plot_figure"}
    assert drawn == {"training_time"}
    by_name = planned("--", "figure_training_time", at=tmp_path)
    assert set(jobs) <= set(by_name)


def test_references_in_the_settings_are_fitted_measured_and_sampled(tmp_path: Path) -> None:
    def listed(digits: Any) -> None:
        digits["measures"]["references"] = ["stationary", "mixture-20", "patch-3", "gaussian-expected"]
        digits["sampling"]["references"] = ["stationary"]

    jobs = planned("--", "tables", at=tmp_path, config=edited(SMOKE, listed, tmp_path))
    outputs = {output.removeprefix("results/digits/") for _, output in jobs}
    assert {f"n{size}{half}/stationary/denoiser.safetensors" for size in (16, 32) for half in "ab"} <= outputs
    assert {f"n16a/{name}/measures.parquet" for name in ("stationary", "patch-3", "gaussian-expected")} <= outputs
    assert "n32a/mixture-20/measures.parquet" in outputs
    assert not any("n16a/mixture-20" in output for output in outputs)  # more components than images
    assert {"n32a/stationary/samples_heun18.npy", "n32a/stationary/agreement_heun18.parquet"} <= outputs


def test_the_expected_gaussian_needs_the_spectrum_of_the_largest_subset(tmp_path: Path) -> None:
    def sampled(digits: Any) -> None:
        digits["sampling"]["references"] = ["gaussian-expected"]

    target = "results/digits/n16a/gaussian-expected/samples_heun18.npy"
    jobs = planned("--", target, at=tmp_path, config=edited(SMOKE, sampled, tmp_path))
    assert ("fit_spectrum", "results/digits/n32a/spectrum.safetensors") in jobs


def test_trajectories_are_sampled_before_they_are_inputs(tmp_path: Path) -> None:
    def with_trajectory(digits: Any) -> None:
        digits["measures"]["inputs"] = ["train", "remainder", "trajectory"]

    target = "results/digits/n16a/ve4r1/i64/measures.parquet"
    for change, expected in ((with_trajectory, 1), (lambda digits: None, 0)):
        jobs = planned("--", target, at=tmp_path, config=edited(SMOKE, change, tmp_path))
        outputs = [output for _, output in jobs]
        assert outputs.count("results/digits/n16a/ve4r1/i64/samples_euler10.npy") == expected
    target = "results/digits/n16a/gaussian/measures.parquet"
    jobs = planned("--", target, at=tmp_path, config=edited(SMOKE, with_trajectory, tmp_path))
    assert not any("euler10" in output for _, output in jobs)


def test_the_papers_grid_can_be_planned_without_its_data(tmp_path: Path) -> None:
    jobs = planned(at=tmp_path, config=ROOT / "config/paper.yaml")
    counts = job_counts(at=tmp_path, config=ROOT / "config/paper.yaml")
    assert counts["pack_images"] == 6
    assert counts["fit_spectrum"] == 20
    assert counts["train_denoiser"] == 66
    assert counts["train_autoencoders"] == 4
    assert counts["judge_claims"] == 4
    drawn = {Path(output).stem for rule, output in jobs if rule == "plot_figure"}
    assert {name for name, entry in ENTRIES.items() if entry.paper} <= drawn


def test_the_slurm_profile_is_found_by_name_in_a_clone(own_copy: Path) -> None:
    (own_copy / "slurm").symlink_to("profiles/slurm")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-n"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=own_copy)
    assert done.returncode == 0, done.stderr
    assert "results/ffhq/figures/linearity.pdf" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("target", "made", "not_made"),
    [
        ("networks", "train_denoiser", "draw_samples"),
        ("samples", "draw_samples", "measure_denoiser"),
        ("measures", "measure_denoiser", "gather_tables"),
        ("tables", "gather_tables", "plot_figure"),
        ("figures", "plot_figure", "judge_claims"),
    ],
)
def test_each_stage_is_a_target(tmp_path: Path, target: str, made: str, not_made: str) -> None:
    counts = job_counts("--", target, at=tmp_path)
    assert counts[made]
    assert counts["train_denoiser"] == 5 + 1  # one more that another continues
    assert not counts[not_made]


def test_a_stage_can_be_made_in_batches(tmp_path: Path) -> None:
    first = job_counts("--batch", "networks=1/2", "--", "networks", at=tmp_path)
    assert 0 < first["train_denoiser"] < 6


def test_until_a_training_rule_is_refused_with_the_target_to_use(tmp_path: Path) -> None:
    done = snakemake("--configfile", str(SMOKE), "--until", "train_denoiser", at=tmp_path)
    assert done.returncode != 0
    assert "run the target `networks`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()
    assert snakemake("-n", "--configfile", str(SMOKE), "--until", "draw_samples", at=tmp_path).returncode == 0


def test_every_job_says_what_it_makes(tmp_path: Path) -> None:
    done = snakemake("-n", "--configfile", str(SMOKE), at=tmp_path)
    jobs = re.findall(r"^Job \d+: (.*)$", done.stdout, re.M)
    assert len(jobs) == len(set(jobs)) == job_counts(at=tmp_path)["total"] - 1  # all but `all`
    assert "train digits n16a/ve4r1 to 64 images" in jobs
    assert all("digits" in job for job in jobs)


@pytest.mark.fault("Slurm's profile on a machine without Slurm", "one sentence at once; dry runs work")
def test_without_slurm_its_profile_ends_in_one_sentence(own_copy: Path, tmp_path: Path) -> None:
    (own_copy / "slurm").symlink_to("profiles/slurm")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("which", "sh", "bash"):
        (programs / name).symlink_to(shutil.which(name) or "")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--configfile", str(SMOKE)]
    environment = {**os.environ, "PATH": str(programs)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=own_copy, env=environment)
    assert done.returncode != 0
    assert "this machine has no Slurm (sbatch is not on the PATH)" in done.stderr
    assert "Traceback" not in done.stderr
    dry = subprocess.run([*command, "-n"], capture_output=True, text=True, check=False, cwd=own_copy, env=environment)
    assert dry.returncode == 0, dry.stderr
