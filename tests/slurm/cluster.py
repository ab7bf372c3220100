"""What the tests ask of Slurm, and how they run a study on it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
RULE, CELL = "train_denoiser", "results/digits/n16a/ve4r1"
IMPATIENT = ["--slurm-init-seconds-before-status-checks", "3", "--seconds-between-status-checks", "3"]
PATIENCE = 400  # seconds until a job must have begun, on a machine that does other things as well
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


class Job(NamedTuple):
    """One line of Slurm's accounting: a job, or one life of a job that was queued again."""

    number: str
    rule: str
    partition: str
    state: str
    resources: dict[str, str]
    minutes: int


class Cluster:
    """The private Slurm, through its own commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def jobs(self, place: Path) -> list[Job]:
        """Return what the accounting has of the jobs of a working folder, oldest first."""
        fields = "JobIDRaw,Partition,State,AllocTRES,ReqTRES,TimelimitRaw,Comment,WorkDir"
        text = _output("sacct", "-n", "-P", "-X", "-D", "-S", "now-2hours", "-o", fields)
        jobs = []
        for line in text.splitlines():
            number, partition, state, given, asked, minutes, comment, folder = line.split("|")
            if Path(folder) == place:
                rule = comment.removeprefix("rule_").split("_wildcards_")[0]
                resources = dict(pair.split("=") for pair in (given or asked).split(","))
                jobs.append(Job(number, rule, partition, state.split()[0], resources, int(minutes)))
        return jobs

    def queue(self) -> list[str]:
        """Return the jobs that wait or run."""
        return _output("squeue", "-h", "-o", "%i").split()

    def tasks(self) -> list[list[str]]:
        """Return job, step, node and CUDA_VISIBLE_DEVICES of every task, as it saw them itself."""
        return [line.split() for line in (self.folder / "log/tasks.txt").read_text().splitlines()]


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def start(place: Path, *arguments: str, images: int | None = None) -> subprocess.Popen[str]:
    """Start Snakemake under the profile as it is shipped, on the study or with one snapshot at so many images."""
    study = yaml.safe_load(yaml.safe_dump(STUDY))
    if images is not None:
        study["datasets"]["digits"]["grid"]["runs"][0]["snapshots"] = [images]
        study["datasets"]["digits"]["training"]["checkpoint_minutes"] = 0.05
    config = place / "study.yaml"
    config.write_text(yaml.safe_dump(study))
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--directory", str(place)]
    with (place / "snakemake.txt").open("a") as said:
        return subprocess.Popen(
            [*command, "--configfile", str(config), *IMPATIENT, *arguments],
            cwd=ROOT,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored below a shell's background job
        )


def run(place: Path, *arguments: str, images: int | None = None) -> str:
    """Run Snakemake to its end, which must be good, and return what it said."""
    ended = start(place, *arguments, images=images).wait(timeout=1_800)
    said = (place / "snakemake.txt").read_text()
    assert ended == 0, said[-6000:]
    return said


def asking(rule: str = RULE, partition: str = "gpu", **amounts: str) -> list[str]:
    """Return options that set what a rule asks for; on the command line they replace the profile's, partition too."""
    given = {"slurm_partition": partition, **amounts}
    return ["--set-resources", *(f"{rule}:{name}={amount}" for name, amount in given.items())]


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.5)
