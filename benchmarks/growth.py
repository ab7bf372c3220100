"""How the cost grows: linear algebra with N and d, and Snakemake's planning with the number of jobs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from math import log
from pathlib import Path

import pandas as pd
import timing
import torch
import yaml
from patches import patches

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers import EmpiricalDenoiser

PROJECT = Path(__file__).parents[1]
RESOLUTIONS = (8, 16, 32)
COUNTS = (500, 1000, 2000, 4000)
STAGES = 5
BARE = """
rule all:
    input: expand("{{i}}/{stages}", i=range({chains}))

rule first:
    output: "{{i}}/0"
    log: "{{i}}/first.log"
    shell: "touch {{output}}"

rule next:
    input: lambda wildcards: f"{{wildcards.i}}/{{int(wildcards.stage) - 1}}"
    output: "{{i}}/{{stage,[1-9]}}"
    log: "{{i}}/{{stage}}.log"
    shell: "touch {{output}}"
"""
"""A workflow of as many jobs that knows nothing: what Snakemake itself takes."""


def sizes() -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield what grows, and the (N, resolution) to be measured."""
    yield "N", [(count, 16) for count in COUNTS]
    yield "d", [(1000, resolution) for resolution in RESOLUTIONS]


def posterior(count: int, resolution: int) -> Callable[[], object]:
    """Return a call of the empirical denoiser for 256 images."""
    images = torch.from_numpy(patches(count, resolution))
    noisy = images[:256].float() / 127.5 - 1 + torch.randn(images[:256].shape)
    denoiser = EmpiricalDenoiser(images)
    return lambda: denoiser(noisy, 1.0)


def principal_components(count: int, resolution: int) -> Callable[[], object]:
    """Return a call that fits mean and principal components."""
    images = patches(count, resolution)
    return lambda: spectrum.fit(images)


def algebra() -> Iterator[dict[str, object]]:
    """Yield seconds at growing sizes, and the exponent from one size to the next."""
    torch.set_num_threads(2)
    for name, make in (("spectrum", principal_components), ("empirical denoiser", posterior)):
        for grown, places in sizes():
            before = None
            for count, resolution in places:
                size = 3 * resolution**2
                seconds = timing.interleaved({"ours": make(count, resolution)}, 0.5)["ours"]
                at = count if grown == "N" else size
                exponent = "" if before is None else f"{log(seconds / before[1]) / log(at / before[0]):.1f}"
                yield {"what": name, "N": count, "d": size, "seconds": f"{seconds:.3g}", "grows as": exponent}
                before = at, seconds


def planning() -> Iterator[dict[str, object]]:
    """Yield how long `snakemake -n` takes: the paper's grid, digits with more and more subsets, bare rules."""
    yield {"study": "config/paper.yaml", **_dry_run(["--configfile", "config/paper.yaml"])}
    for scales in (1, 4, 25):
        axes = {"subset_sizes": list(range(8, 58)), "scales": [4 * scale for scale in range(1, scales + 1)]}
        study = yaml.safe_load((PROJECT / "config/config.yaml").read_text(encoding="utf-8"))
        runs = [{**axes, "halves": ["a", "b"], "snapshots": [6400]}]
        study["datasets"]["digits"]["grid"] = {"runs": runs, "sweeps": {"size": {}}}
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(study, file)
            file.flush()
            yield {"study": f"digits, {100 * scales} cells", **_dry_run(["--configfile", file.name])}
    with tempfile.TemporaryDirectory() as place:
        snakefile = Path(place) / "Snakefile"
        snakefile.write_text(BARE.format(stages=STAGES - 1, chains=2500), encoding="utf-8")
        yield {"study": f"bare rules, 2500 chains of {STAGES}", **_dry_run(["--snakefile", str(snakefile)])}


def _dry_run(options: list[str]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", *options]
        began = time.perf_counter()
        ran = subprocess.run(
            [*command, "--config", f"results={place}"], cwd=PROJECT, capture_output=True, text=True, check=True
        )
        seconds = time.perf_counter() - began
    text = ran.stdout + ran.stderr
    jobs = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("total"))
    return {"jobs": jobs, "seconds": round(seconds, 1), "ms a job": round(1000 * seconds / jobs, 1)}


def tables() -> dict[str, pd.DataFrame]:
    """Return what the page shows."""
    return {"Growth": pd.DataFrame(algebra()), "Planning": pd.DataFrame(planning())}
