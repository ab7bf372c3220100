"""The jobs that a target needs, by dry runs."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from hidden_gaussian.figures import ENTRIES
from smoke_study import ROOT, SMOKE, edited, planned


def test_the_figure_of_dataset_sizes_needs_one_half_with_references_and_nulls(tmp_path: Path) -> None:
    jobs = planned("--", "results/digits/figures/dataset_size.pdf", at=tmp_path)
    outputs = {output.removeprefix("results/digits/") for _, output in jobs}
    networks = {"n16a/ve4r1/i32", "n16a/ve4r1/i64", "n32a/ve4r1/i64"}  # the second continues the first
    assert {output for output in outputs if "weights" in output} == {f"{name}/weights.safetensors" for name in networks}
    assert Counter(rule for rule, _ in jobs) == {
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
    }
    assert not any(output.startswith(("n16b", "n32b")) for output in outputs)


def test_a_figure_trains_only_its_own_cells(tmp_path: Path) -> None:
    jobs = planned("--", "results/digits/figures/training_time.pdf", at=tmp_path)
    trained = {output for rule, output in jobs if rule == "train_denoiser"}
    assert trained == {f"results/digits/n16a/ve4r1/i{images}/weights.safetensors" for images in (32, 64)}
    assert [output for rule, output in jobs if rule == "plot_figure"] == ["results/digits/figures/training_time.pdf"]
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
    counts = Counter(rule for rule, _ in jobs)
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
