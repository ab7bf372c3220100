"""Slurm's commands for the tests, and runs of a study on it."""

import copy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

ROOT = Path(__file__).parents[2]
RULE, CELL = "train_denoiser", "results/digits/n16a/ve4r1"
IMPATIENT = ["--slurm-init-seconds-before-status-checks", "3", "--seconds-between-status-checks", "3"]
PATIENCE = 400  # seconds for an event of less than a second, or for a job to start, on a busy machine
STUDY: dict[str, Any] = {
    "study": "cluster",
    "datasets": {
        "digits": {
            "source": {"kind": "digits", "count": 1797},
            "resolution": 8,
            "colour": "grey",
            "heldout": 64,
            "network": {"channel_mult": [1], "blocks": 1, "attention_resolutions": [], "dropout": 0, "augment_dim": 0},
            "training": {"batch": 16, "learning_rate": 2e-3, "warmup": 64, "ema_half_life": 64, "augment": 0},
            "grid": {"runs": [{"subset_sizes": [16], "scales": [4], "snapshots": [32, 64]}], "sweeps": {"size": {}}},
            "sampling": {"count": 8},
            "measures": {"images": 8, "draws": 1, "levels": 4, "linearity_levels": 4},
            "distillation": {"draws": 256},
        }
    },
}

Found = TypeVar("Found")


class Job(NamedTuple):
    """One line of Slurm's accounting: a job, or one life of a requeued job."""

    number: str
    rule: str
    partition: str
    state: str
    resources: dict[str, str]
    minutes: int


class Cluster:
    """The private Slurm, accessed by its own commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def jobs(self, place: Path) -> list[Job]:
        """Return Snakemake's jobs in a working folder from the accounting, oldest first."""
        fields = "JobIDRaw,Partition,State,AllocTRES,ReqTRES,TimelimitRaw,Comment,WorkDir"
        text = slurm("sacct", "-n", "-P", "-X", "-D", "-S", "now-2hours", "-o", fields)
        jobs = []
        for line in text.splitlines():
            number, partition, state, allocated, requested, minutes, comment, folder = line.split("|")
            if Path(folder) == place and comment.startswith("rule_"):
                rule = comment.removeprefix("rule_").split("_wildcards_")[0]
                resources = dict(pair.split("=") for pair in (allocated or requested).split(","))
                jobs.append(Job(number, rule, partition, state.split()[0], resources, int(minutes)))
        return jobs

    def trainings(self, place: Path) -> list[Job]:
        """Return the training jobs."""
        return [job for job in self.jobs(place) if job.rule == RULE]

    def queue(self) -> list[str]:
        """Return the numbers of jobs that wait, run or end."""
        return slurm("squeue", "-h", "-o", "%i").split()

    def devices(self, number: str) -> set[str]:
        """Return CUDA_VISIBLE_DEVICES as the steps of a job saw it; ``-`` if it was not set."""
        tasks = [line.split() for line in (self.folder / "log/tasks.txt").read_text().splitlines()]
        return {devices for job, step, devices in tasks if job == number and step.isdigit()}


def slurm(*command: str) -> str:
    """Run one of Slurm's commands, which must succeed, and return its output."""
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def ranks(number: str) -> set[str]:
    """Return the ranks of the training processes of a job, from the environments that torchrun set."""
    found: set[str] = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # the process has ended
            variables = path.read_text(errors="replace").split("\0")
            if f"SLURM_JOB_ID={number}" in variables:
                found |= {variable for variable in variables if variable.startswith("RANK=")}
    return found


@contextmanager
def running(place: Path, *arguments: str, images: int | None = None, gpus: int = 1) -> Iterator[subprocess.Popen[str]]:
    """Run Snakemake with the shipped profile on the study, or with one checkpoint at a number of images.

    Its output goes to ``snakemake.txt``. If it still runs at the end, it is cancelled as by Ctrl-C.
    """
    study = copy.deepcopy(STUDY)
    study["datasets"]["digits"]["training"] |= {"gpus": gpus, "checkpoint_minutes": 0.01}
    if images is not None:
        study["datasets"]["digits"]["grid"]["runs"][0]["snapshots"] = [images]
    config = place / "study.yaml"
    config.write_text(yaml.safe_dump(study))
    command = [sys.executable, "-m", "snakemake", "--profile", str(ROOT / "slurm"), "--directory", str(place)]
    with (place / "snakemake.txt").open("a") as log:
        snakemake = subprocess.Popen(
            [*command, "--configfile", str(config), *IMPATIENT, *arguments],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )
    try:
        yield snakemake
    finally:
        cancel(snakemake)


def cancel(snakemake: subprocess.Popen[str]) -> None:
    """End Snakemake as by Ctrl-C, unless it has ended."""
    if snakemake.poll() is None:
        snakemake.send_signal(signal.SIGINT)
    try:
        snakemake.wait(PATIENCE)
    finally:
        snakemake.kill()


def run(place: Path, *arguments: str, images: int | None = None, gpus: int = 1) -> None:
    """Run Snakemake to its end; it must succeed."""
    with running(place, *arguments, images=images, gpus=gpus) as snakemake:
        succeed(snakemake, place)


def succeed(snakemake: subprocess.Popen[str], place: Path) -> None:
    """Wait for the end of Snakemake; it must succeed."""
    assert snakemake.wait(timeout=1_800) == 0, output(place)[-6000:]


def output(place: Path) -> str:
    """Return the output of Snakemake so far."""
    return (place / "snakemake.txt").read_text()


def requesting(**amounts: str) -> list[str]:
    """Return options that set a training's resources."""
    return ["--set-resources", *(f"{RULE}:{name}={amount}" for name, amount in amounts.items())]


def wait_until(condition: Callable[[], Found], seconds: float = PATIENCE) -> Found:
    """Wait until a condition returns something true, and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.5)
    return found
