"""The slurm profile on a real Slurm: where jobs run, what they get, and what becomes of them when they are killed."""

import itertools
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import CELL, PATIENCE, RULE, Cluster, asking, run, start, wait_until

from hidden_gaussian import files
from hidden_gaussian.settings import Training

pytestmark = pytest.mark.cluster

LONG = 64_000  # images that take more than a minute to train on
WEIGHTS = f"{CELL}/i{LONG}/weights.safetensors"


@pytest.fixture(scope="module")
def finished(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the study has been run."""
    place = tmp_path_factory.mktemp("study")
    run(place, "--", f"{CELL}/i64/measures.parquet")
    return place


@pytest.fixture
def place(finished: Path, tmp_path: Path, cluster: Cluster) -> Iterator[Path]:
    """A folder with the data of the study, so that only a training remains to be done."""
    shutil.copytree(finished / "results", tmp_path / "results", ignore=shutil.ignore_patterns("ve4r1", "logs"))
    yield tmp_path
    for job in cluster.queue():
        subprocess.run(["scancel", job], check=False, timeout=60)


@pytest.fixture(scope="module")
def weights() -> dict[str, dict[str, bytes]]:
    """What each way to the same cell gave."""
    return {}


def test_rules_get_the_partition_and_the_gpu_that_they_ask_for(cluster: Cluster, finished: Path) -> None:
    jobs = cluster.jobs(finished)
    assert sorted(job.rule for job in jobs) == sorted(
        ["pack_images", "split_images", "draw_subset", "fit_spectrum", RULE, RULE, "measure_denoiser"]
    )
    assert {job.state for job in jobs} == {"COMPLETED"}
    for job in jobs:
        with_gpu = job.rule in {RULE, "measure_denoiser"}
        assert job.partition == ("gpu" if with_gpu else "cpu"), job
        assert job.resources.get("gres/gpu") == ("1" if with_gpu else None), job
    saw = {number: device for number, step, node, device in cluster.tasks() if step.isdigit()}
    for job in jobs:
        assert saw[job.number] in ({"0", "1"} if job.partition == "gpu" else {"-"}), job


def test_nothing_is_left_to_do(finished: Path) -> None:
    assert "Nothing to be done" in run(finished, "--", f"{CELL}/i64/measures.parquet")


def test_a_job_without_enough_memory_gets_more(cluster: Cluster, place: Path) -> None:
    run(place, *asking(mem_mb="attempt*500"), "--", f"{CELL}/i32/weights.safetensors")
    jobs = [job for job in cluster.jobs(place) if job.rule == RULE]
    assert len(jobs) > 1
    assert [job.resources["mem"] for job in jobs[:2]] == ["500M", "1000M"]
    assert jobs[-1].state == "COMPLETED"
    said = (cluster.folder / "log/slurmd-gpu01.log").read_text()  # the accounting has FAILED where memory is polled
    assert all(f"StepId={job.number}.0 exceeded memory limit" in said for job in jobs[:-1])


def test_a_killed_snakemake_leaves_the_training_to_its_end_and_none_is_done_twice(
    cluster: Cluster, place: Path, weights: dict[str, dict[str, bytes]]
) -> None:
    first = start(place, "--", WEIGHTS, images=LONG)
    wait_until(lambda: _unfinished(place).exists(), PATIENCE)
    first.kill()
    first.wait()
    assert cluster.queue()
    run(place, "--unlock", images=LONG)
    run(place, "--", WEIGHTS, images=LONG)
    jobs = [job for job in cluster.jobs(place) if job.rule == RULE]
    assert [job.state for job in jobs] == ["COMPLETED", "COMPLETED"]
    assert "was trained by the other job" in _log(place)
    weights["undisturbed"] = files.load_arrays(place / WEIGHTS)


def test_a_job_out_of_time_gets_more_and_goes_on(
    cluster: Cluster, place: Path, weights: dict[str, dict[str, bytes]]
) -> None:
    run(place, *asking(runtime="attempt"), "--", WEIGHTS, images=LONG)
    jobs = [job for job in cluster.jobs(place) if job.rule == RULE]
    assert jobs[0].state == "TIMEOUT"
    assert jobs[-1].state == "COMPLETED"
    assert [job.minutes for job in jobs] == list(range(1, len(jobs) + 1))
    assert "going on from" in _log(place)
    weights["out of time"] = files.load_arrays(place / WEIGHTS)


def test_a_preempted_training_goes_on_where_it_was(
    cluster: Cluster, place: Path, weights: dict[str, dict[str, bytes]]
) -> None:
    snakemake = start(place, *asking(partition="scavenge"), "--", WEIGHTS, images=LONG)
    wait_until(lambda: _unfinished(place).exists(), PATIENCE)
    rival = ["sbatch", "--partition=gpu", "--gpus=2", "--time=1", "--output=/dev/null", "--wrap=sleep 2"]
    subprocess.run(rival, check=True, timeout=60, cwd=place, capture_output=True)
    wait_until(lambda: "PREEMPTED" in [job.state for job in cluster.jobs(place)], 120)
    number = next(job.number for job in cluster.jobs(place) if job.state == "PREEMPTED")
    wait_until(lambda: number in cluster.queue(), 30)
    subprocess.run(["scontrol", "update", f"JobId={number}", "StartTime=now"], check=False, timeout=60)  # else minutes
    assert snakemake.wait(timeout=1_800) == 0, (place / "snakemake.txt").read_text()[-4000:]
    lives = [job for job in cluster.jobs(place) if job.rule == RULE]
    assert {job.number for job in lives} == {number}
    assert [job.state for job in lives] == ["PREEMPTED", "COMPLETED"]
    assert "going on from" in _log(place)
    weights["preempted"] = files.load_arrays(place / WEIGHTS)


def test_all_ways_lead_to_the_same_weights(weights: dict[str, dict[str, bytes]]) -> None:
    assert len(weights) == 3
    for one, other in itertools.pairwise(weights.values()):
        assert one.keys() == other.keys()
        assert all((one[name] == other[name]).all() for name in one)


def test_a_cancelled_run_leaves_nothing_running_and_keeps_its_state(cluster: Cluster, place: Path) -> None:
    snakemake = start(place, "--", WEIGHTS, images=LONG)
    wait_until(lambda: _unfinished(place).exists(), PATIENCE)
    snakemake.send_signal(signal.SIGINT)
    assert snakemake.wait(timeout=PATIENCE) != 0
    wait_until(lambda: not cluster.queue(), PATIENCE)
    assert _unfinished(place).exists()
    seen = files.load_metadata(_unfinished(place))["snapshot"]
    time.sleep(5)
    assert files.load_metadata(_unfinished(place))["snapshot"] == seen  # nobody goes on in secret


@pytest.mark.skipif("gpus" not in Training.model_fields, reason="a training has one process so far")
def test_a_training_of_two_ranks_has_two_gpus(cluster: Cluster, place: Path) -> None:
    run(place, "--config", "datasets={digits: {training: {gpus: 2}}}", "--", f"{CELL}/i64/weights.safetensors")
    jobs = [job for job in cluster.jobs(place) if job.rule == RULE]
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert {job.resources["gres/gpu"] for job in jobs} == {"2"}


def _unfinished(place: Path) -> Path:
    return place / f"results/unfinished/digits/n16a/ve4r1/i{LONG}.safetensors"


def _log(place: Path) -> str:
    return (place / f"results/logs/{RULE}/digits/n16a/ve4r1/i{LONG}.log").read_text()
