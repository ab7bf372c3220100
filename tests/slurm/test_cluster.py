"""The slurm profile on a real Slurm: partitions and resources of jobs, and what happens when they are killed."""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster import (
    CELL,
    PATIENCE,
    RULE,
    Cluster,
    cancel,
    output,
    ranks,
    requesting,
    run,
    running,
    slurm,
    succeed,
    wait_until,
)
from hidden_gaussian.storage import arrays

pytestmark = pytest.mark.cluster

LONG = 48_000  # images: a training of at least 15 s, long enough to interrupt
ENDLESS = 16_000_000  # images: a training that never ends within a test

Weights = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def finished(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results of the study."""
    place = tmp_path_factory.mktemp("study")
    run(place, "--", f"{CELL}/i64/measures.parquet")
    return place


@pytest.fixture
def place(finished: Path, tmp_path: Path, cluster: Cluster) -> Iterator[Path]:
    """A folder with the data of the study, where only the training is missing."""
    shutil.copytree(finished / "results", tmp_path / "results", ignore=shutil.ignore_patterns("ve4r1", "logs"))
    yield tmp_path
    for job in cluster.queue():
        subprocess.run(["scancel", job], check=False, timeout=60)
    wait_until(lambda: not cluster.queue())


@pytest.fixture(scope="module")
def weights() -> dict[str, Weights]:
    """Weights of the same cell, by how its training went."""
    return {}


def test_rules_get_the_partition_and_gpu_that_they_request(cluster: Cluster, finished: Path) -> None:
    jobs = cluster.jobs(finished)
    assert sorted(job.rule for job in jobs) == sorted(
        ["pack_images", "split_images", "draw_subset", "fit_spectrum", RULE, RULE, "measure_denoiser"]
    )
    assert {job.state for job in jobs} == {"COMPLETED"}
    for job in jobs:
        with_gpu = job.rule in {RULE, "measure_denoiser"}
        assert job.partition == ("gpu" if with_gpu else "cpu"), job
        assert job.resources.get("gres/gpu") == ("1" if with_gpu else None), job
        assert cluster.devices(job.number) in ([{"0"}, {"1"}] if with_gpu else [{"-"}]), job


def test_a_figure_the_ledger_and_the_explorer_use_both_partitions(
    cluster: Cluster, finished: Path, tmp_path: Path
) -> None:
    """With everything they need: nearly every rule of the workflow."""
    shutil.copytree(finished / "results", tmp_path / "results")
    made = [f"results/digits/{name}" for name in ("figures/samples.pdf", "tables/claims.csv", "explore.html")]
    run(tmp_path, "--", *made)
    jobs = cluster.jobs(tmp_path)
    assert {job.state for job in jobs} == {"COMPLETED"}
    partitions = {job.rule: job.partition for job in jobs}
    on_gpu = {rule for rule, partition in partitions.items() if partition == "gpu"}
    assert on_gpu == {"draw_samples", "draw_references", "measure_references", "distil_denoiser", "build_explorer"}
    assert partitions.keys() - on_gpu >= {"compare_samples", "judge_claims", "plot_figure"}
    assert all(job.resources.get("gres/gpu") == ("1" if job.rule in on_gpu else None) for job in jobs)
    assert all((tmp_path / name).stat().st_size for name in made)


def test_a_second_run_has_nothing_to_do(finished: Path) -> None:
    run(finished, "--", f"{CELL}/i64/measures.parquet")
    assert "Nothing to be done" in output(finished)


@pytest.mark.fault("a Slurm job exceeds its memory", "it is tried again with more")
def test_a_job_that_exceeds_its_memory_gets_more(cluster: Cluster, place: Path) -> None:
    run(place, *requesting(mem_mb="attempt*500"), "--", _path(32))
    jobs = cluster.trainings(place)
    assert len(jobs) > 1
    assert [job.resources["mem"] for job in jobs[:2]] == ["500M", "1000M"]
    assert {job.partition for job in jobs} == {"gpu"}  # one resource was set, and the others are kept
    assert [job.minutes for job in jobs[:2]] == [10, 20]  # the rule's own
    assert jobs[-1].state == "COMPLETED"
    log = (cluster.folder / "log/slurmd-gpu01.log").read_text()  # the accounting says FAILED, because memory is polled
    assert all(f"StepId={job.number}.0 exceeded memory limit" in log for job in jobs[:-1])


def test_a_training_of_two_ranks_has_two_gpus(cluster: Cluster, finished: Path, place: Path) -> None:
    run(place, "--", _path(32), gpus=2)
    (job,) = cluster.trainings(place)
    assert job.state == "COMPLETED"
    assert job.resources["gres/gpu"] == job.resources["cpu"] == "2"
    assert cluster.devices(job.number) == {"0,1"}
    alone = _weights(finished, 32)
    for name, array in _weights(place, 32).items():
        np.testing.assert_allclose(array, alone[name], rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.fault(
    "Snakemake is killed and started again", "its training continues; the second job waits and takes over the result"
)
def test_after_snakemake_is_killed_its_training_finishes_and_is_not_repeated(
    cluster: Cluster, place: Path, weights: dict[str, Weights]
) -> None:
    with running(place, "--", _path(LONG), images=LONG) as killed:
        wait_until(_unfinished(place, LONG).exists)
        killed.kill()
    (orphan,) = cluster.queue()
    slurm("scontrol", "suspend", orphan)  # or a fast machine would finish before the second job starts
    run(place, "--unlock", images=LONG)
    with running(place, "--", _path(LONG), images=LONG) as second:
        wait_until(lambda: "is held by another job" in _log(place, LONG))
        slurm("scontrol", "resume", orphan)
        succeed(second, place)
    assert [job.state for job in cluster.trainings(place)] == ["COMPLETED", "COMPLETED"]
    assert "was trained by another job" in _log(place, LONG)
    weights["left alone"] = _weights(place, LONG)


@pytest.mark.fault("a Slurm job runs out of time", "it saves, and resumes in the next attempt with more time")
def test_a_job_out_of_time_gets_more_and_resumes(cluster: Cluster, place: Path) -> None:
    arguments = [*requesting(runtime="1+20*(attempt-1)"), "--", _path(ENDLESS)]
    with running(place, *arguments, images=ENDLESS):
        seen = wait_until(lambda: _stopped_at(output(place)))
        wait_until(lambda: _resumed_at(place, ENDLESS) == seen)
        wait_until(lambda: _saved(place, ENDLESS)["images_seen"] > seen)
    wait_until(lambda: not cluster.queue())
    first, second = cluster.trainings(place)
    assert [first.state, second.state] == ["TIMEOUT", "CANCELLED"]
    assert [first.minutes, second.minutes] == [1, 21]
    assert [first.resources["mem"], second.resources["mem"]] == ["3000M", "6000M"]  # the rule's own


@pytest.mark.fault("a training is preempted by another job", "it saves, is requeued, and resumes where it stopped")
def test_a_preempted_training_resumes_where_it_stopped(
    cluster: Cluster, place: Path, weights: dict[str, Weights]
) -> None:
    with running(place, *requesting(slurm_partition="scavenge"), "--", _path(LONG), images=LONG) as snakemake:
        seen = _preempted_at(place, LONG)
        succeed(snakemake, place)
    assert _resumed_at(place, LONG) == seen
    lives = cluster.trainings(place)
    assert [job.state for job in lives] == ["PREEMPTED", "COMPLETED"]
    assert len({job.number for job in lives}) == 1
    weights["preempted"] = _weights(place, LONG)


@pytest.mark.fault("a training is preempted by another job", "the same weights, bit for bit")
def test_a_preempted_training_gives_the_same_weights(weights: dict[str, Weights]) -> None:
    one, other = weights["left alone"], weights["preempted"]
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.fault("a training with two ranks is preempted", "both save, are requeued, and resume where they stopped")
def test_a_preempted_training_of_two_ranks_resumes_where_it_stopped(cluster: Cluster, place: Path) -> None:
    with running(place, *requesting(slurm_partition="scavenge"), "--", _path(ENDLESS), images=ENDLESS, gpus=2):
        wait_until(_unfinished(place, ENDLESS).exists)
        (number,) = cluster.queue()
        assert ranks(number) == {"RANK=0", "RANK=1"}
        seen = _preempted_at(place, ENDLESS)
        wait_until(lambda: _resumed_at(place, ENDLESS) == seen)
        wait_until(lambda: _saved(place, ENDLESS)["images_seen"] > seen)
        assert ranks(number) == {"RANK=0", "RANK=1"}
    wait_until(lambda: not cluster.queue())
    assert not ranks(number)
    lives = cluster.trainings(place)
    assert [job.state for job in lives] == ["PREEMPTED", "CANCELLED"]
    assert {job.number for job in lives} == {number}
    assert {job.resources["gres/gpu"] for job in lives} == {"2"}


@pytest.mark.fault("a training is cancelled with scancel", "it saves, is noticed, and resumes in the next attempt")
def test_a_cancelled_training_is_tried_again_and_resumes(cluster: Cluster, place: Path) -> None:
    with running(place, "--", _path(ENDLESS), images=ENDLESS):
        wait_until(_unfinished(place, ENDLESS).exists)
        slurm("scancel", *cluster.queue())
        seen = wait_until(lambda: _stopped_at(output(place)))
        wait_until(lambda: _resumed_at(place, ENDLESS) == seen)
    wait_until(lambda: not cluster.queue())
    assert [job.state for job in cluster.trainings(place)] == ["CANCELLED", "CANCELLED"]  # the second by Ctrl-C


@pytest.mark.fault("a job that waits is cancelled, or cannot start before its deadline", "noticed, and tried again")
@pytest.mark.parametrize(("action", "state"), [("scancel", "CANCELLED"), ("deadline", "DEADLINE")])
def test_a_job_that_ends_before_it_starts_is_tried_again(
    cluster: Cluster, place: Path, action: str, state: str
) -> None:
    slurm("scontrol", "update", "nodename=gpu01", "state=drain", "reason=test")
    try:
        with running(place, "--", _path(32)) as snakemake:
            (number,) = wait_until(cluster.queue)
            if action == "scancel":
                slurm("scancel", number)
            else:
                slurm("scontrol", "update", f"jobid={number}", "TimeLimit=1")
                slurm("scontrol", "update", f"jobid={number}", "Deadline=now+65")
            wait_until(lambda: cluster.queue() not in ([], [number]))
            slurm("scontrol", "update", "nodename=gpu01", "state=resume")
            succeed(snakemake, place)
    finally:  # it is an error for a node that is up
        subprocess.run(["scontrol", "update", "nodename=gpu01", "state=resume"], check=False, timeout=60)
    assert [job.state for job in cluster.trainings(place)] == [state, "COMPLETED"]


@pytest.mark.fault("a node fails during a training", "Slurm queues it again, and it resumes where it saved")
def test_a_training_whose_node_fails_resumes(cluster: Cluster, place: Path) -> None:
    with running(place, "--", _path(ENDLESS), images=ENDLESS):
        wait_until(_unfinished(place, ENDLESS).exists)
        (number,) = cluster.queue()
        slurm("scontrol", "update", "nodename=gpu01", "state=down", "reason=test")  # it comes back by itself
        seen = wait_until(lambda: _resumed_at(place, ENDLESS))
        wait_until(lambda: _saved(place, ENDLESS)["images_seen"] > seen)
    wait_until(lambda: not cluster.queue())
    lives = cluster.trainings(place)
    assert [job.state for job in lives] == ["NODE_FAIL", "CANCELLED"]
    assert {job.number for job in lives} == {number}


@pytest.mark.fault("a training is requeued and held", "it saves, Snakemake waits, and it resumes when it is released")
def test_a_training_that_is_held_resumes_when_it_is_released(cluster: Cluster, place: Path) -> None:
    with running(place, "--", _path(ENDLESS), images=ENDLESS) as snakemake:
        wait_until(_unfinished(place, ENDLESS).exists)
        (number,) = cluster.queue()
        slurm("scontrol", "requeuehold", number)
        wait_until(lambda: "held" in slurm("squeue", "-h", "-o", "%r"))
        time.sleep(10)  # three status checks
        assert snakemake.poll() is None
        assert cluster.queue() == [number]
        slurm("scontrol", "release", number)
        seen = wait_until(lambda: _resumed_at(place, ENDLESS))
        wait_until(lambda: _saved(place, ENDLESS)["images_seen"] > seen)
    wait_until(lambda: not cluster.queue())


@pytest.mark.fault("SIGTERM to Snakemake while Slurm jobs run", "it waits for them and starts no more")
def test_a_terminated_snakemake_waits_for_the_running_job(cluster: Cluster, place: Path) -> None:
    with running(place, "--", _path(64)) as snakemake:
        wait_until(cluster.queue)
        snakemake.terminate()
        snakemake.wait(PATIENCE)
    (job,) = cluster.trainings(place)
    assert job.state == "COMPLETED"
    assert (place / _path(32)).exists()
    assert not (place / _path(64)).exists()


@pytest.mark.fault("Ctrl-C while Slurm jobs run", "all are cancelled; trainings save")
def test_ctrl_c_cancels_all_jobs_and_saves_their_state(cluster: Cluster, place: Path) -> None:
    with running(place, "--", _path(ENDLESS), images=ENDLESS) as snakemake:
        wait_until(_unfinished(place, ENDLESS).exists)
        cancel(snakemake)
        assert snakemake.returncode not in (0, -signal.SIGKILL)
    wait_until(lambda: not cluster.queue())
    seen = _stopped_at(_log(place, ENDLESS))
    assert seen
    time.sleep(5)
    assert _saved(place, ENDLESS)["images_seen"] == seen  # no process continues


def _preempted_at(place: Path, images: int) -> int:
    """Preempt a training by a job of higher priority, and return the images seen at which it stopped.

    A requeued job starts a new log. If that happens before the old log was read, the new one says where it resumed.
    """
    wait_until(_unfinished(place, images).exists)
    slurm("sbatch", "--partition=gpu", "--gpus=2", "--time=1", "--output=/dev/null", "--wrap=sleep 2")
    return wait_until(lambda: _stopped_at(_log(place, images)) or _resumed_at(place, images))


def _path(images: int) -> str:
    return f"{CELL}/i{images}/weights.safetensors"


def _weights(place: Path, images: int) -> Weights:
    return arrays.load_arrays(place / _path(images))


def _unfinished(place: Path, images: int) -> Path:
    return place / f"results/unfinished/digits/n16a/ve4r1/i{images}.safetensors"


def _saved(place: Path, images: int) -> Any:
    return json.loads(arrays.load_metadata(_unfinished(place, images))["snapshot"])


def _log(place: Path, images: int) -> str:
    path = place / f"results/logs/{RULE}/digits/n16a/ve4r1/i{images}.log"
    return path.read_text() if path.exists() else ""


def _stopped_at(text: str) -> int | None:
    found = re.search(r"was stopped by a signal at images_seen (\d+); its state is in", text)
    return found and int(found[1])


def _resumed_at(place: Path, images: int) -> int | None:
    found = re.search(r"training continues at images_seen (\d+)\n", _log(place, images))
    return found and int(found[1])
