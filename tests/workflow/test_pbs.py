"""The PBS profile, on a stand-in for its scheduler: no PBS was at hand."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import stand_in_pbs
from smoke_study import ROOT, SMOKE

SUBSET = "results/digits/n16a/subset.npy"
PATIENCE = 120  # seconds for Snakemake to submit a job, on a busy machine


@pytest.fixture
def pbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the jobs; qsub, qstat and qdel are on the PATH."""
    programs, jobs = tmp_path / "bin", tmp_path / "jobs"
    for folder in (programs, jobs, tmp_path / "place"):
        folder.mkdir()
    for name in ("qsub", "qstat", "qdel"):
        (programs / name).symlink_to(stand_in_pbs.__file__)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PBS_JOBS", str(jobs))
    yield jobs
    subprocess.run(["qdel", *(path.stem for path in jobs.glob("*.json"))], check=True)


def _start(place: Path, target: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "snakemake", "--profile", str(ROOT / "profiles/pbs"), "--directory", str(place)]
    options = ["--configfile", str(SMOKE), "--seconds-between-status-checks", "1", "--latency-wait", "5"]
    return subprocess.Popen(
        [*command, *options, "--", target],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )


def _wait(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def _arguments(pbs: Path) -> list[str]:
    return [" ".join(json.loads(path.read_text())["arguments"]) for path in sorted(pbs.glob("*.json"))]


def test_jobs_ask_for_what_they_need(pbs: Path, tmp_path: Path) -> None:
    network = "results/digits/n16a/ve4r1/i32/weights.safetensors"
    run = _start(tmp_path / "place", network)
    output, _ = run.communicate()
    assert run.returncode == 0, output
    jobs = _arguments(pbs)
    assert [re.search(r"-N hidden-gaussian_(\w+)", job)[1] for job in jobs] == [  # type: ignore[index]
        "pack_images",
        "split_images",
        "draw_subset",
        "train_denoiser",
    ]
    assert all(re.search(r"-l select=1:ncpus=\d+:mem=\d+mb:ngpus=[01] -l walltime=\d+ ", job) for job in jobs)
    assert ["ngpus=1" in job for job in jobs] == [False, False, False, True]
    assert all(int(re.search(r"walltime=(\d+)", job)[1]) >= 600 for job in jobs)  # type: ignore[index] # seconds


@pytest.mark.fault("PBS kills a job", "it is noticed, and tried again")
def test_a_job_that_pbs_killed_is_tried_again(pbs: Path, tmp_path: Path) -> None:
    run = _start(tmp_path / "place", SUBSET)
    _wait(lambda: (pbs / "0.json").exists() and "pid" in (pbs / "0.json").read_text())
    subprocess.run(["qdel", "0.stand-in"], check=True)
    output, _ = run.communicate()
    assert run.returncode == 0, output
    assert "Trying to restart job" in output
    assert (tmp_path / "place" / SUBSET).exists()
    first, second = _arguments(pbs)[:2]
    memory = [int(re.search(r"mem=(\d+)mb", job)[1]) for job in (first, second)]  # type: ignore[index]
    assert memory[1] == 2 * memory[0]


@pytest.mark.fault("Ctrl-C while PBS jobs run", "all are deleted")
def test_ctrl_c_deletes_the_jobs(pbs: Path, tmp_path: Path) -> None:
    run = _start(tmp_path / "place", SUBSET)
    _wait(lambda: (pbs / "0.json").exists() and "pid" in (pbs / "0.json").read_text())
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate()
    assert run.returncode != 0, output
    assert (pbs / "0.status").read_text().strip() == str(stand_in_pbs.KILLED)


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        ("    job_state = Q\n", 0, "running"),
        ("    job_state = R\n", 0, "running"),
        ("    job_state = E\n    Exit_status = 0\n", 0, "running"),  # its files may not be there yet
        ("    job_state = F\n    Exit_status = 0\n", 0, "success"),
        ("    job_state = F\n    Exit_status = 271\n", 0, "failed"),
        ("    job_state = F\n", 0, "failed"),  # deleted before it started
        ("", stand_in_pbs.UNKNOWN, "failed"),
        ("", 1, "running"),  # the server does not answer
    ],
)
def test_every_state_of_a_job_is_understood(tmp_path: Path, answer: str, code: int, status: str) -> None:
    qstat = tmp_path / "qstat"
    qstat.write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\nexit {code}\n")
    qstat.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = [ROOT / "profiles/pbs/status.sh", "7.server"]
    assert subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout == f"{status}\n"
