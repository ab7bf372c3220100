"""Growth of cost: linear algebra with N and d, and Snakemake's planning with the number of jobs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from math import log
from pathlib import Path

import full_size
import numpy as np
import pandas as pd
import timing
import torch
import yaml
from linear_maps import exact_map
from patches import patches

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers import EmpiricalDenoiser, GaussianDenoiser
from hidden_gaussian.distillation import Fit
from hidden_gaussian.metrics import nearest_neighbours

PROJECT = Path(__file__).parents[1]
PLACES = {"N": [(2000, 16), (4000, 16), (8000, 16)], "d": [(8000, 8), (8000, 16), (8000, 32)]}  # N and resolution
ROUTE = (768, 1536, 3072)  # d, with N = 2 d
PAPER = 12_288  # d
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
"""A workflow with two trivial rules: Snakemake's own cost."""


def posterior(images: np.ndarray) -> timing.Side:
    """Return a call of the empirical denoiser for 256 images."""
    pixels = torch.from_numpy(images)
    return partial(EmpiricalDenoiser(pixels), _noisy(images), 1.0)


def principal_components(images: np.ndarray) -> timing.Side:
    """Return a call that fits mean and principal components."""
    return lambda: spectrum.fit(images)


def nearest(images: np.ndarray) -> timing.Side:
    """Return a call that finds the two nearest training images of 256 noisy ones."""
    training = images.reshape(len(images), -1).astype(np.float32) / 127.5 - 1
    return partial(nearest_neighbours, _noisy(images).flatten(1).numpy(), training)


def samples(images: np.ndarray) -> timing.Side:
    """Return a call that draws 256 samples of the images' Gaussian."""
    return partial(GaussianDenoiser(spectrum.fit(images)).flow, 80 * torch.randn(256, *images.shape[1:]), 80.0, 0.0)


def distilled(images: np.ndarray) -> timing.Side:
    """Return a call that distils a free denoiser, with one pair per image."""
    fit = Fit(torch.from_numpy(images).float() / 127.5 - 1, len(images), seed=0, purpose="benchmark")
    mean = torch.from_numpy(images.reshape(len(images), -1).mean(0) / 127.5 - 1)
    return lambda: exact_map(lambda noisy, sigma: noisy / 2, fit, 1.0, mean)


def _noisy(images: np.ndarray) -> torch.Tensor:
    clean = torch.from_numpy(images[:256]).float() / 127.5 - 1
    return clean + torch.randn(clean.shape)


GROWING = {
    "spectrum": principal_components,
    "empirical denoiser": posterior,
    "nearest neighbours": nearest,
    "distillation": distilled,
    "Gaussian samples": samples,
}


def algebra() -> Iterator[dict[str, object]]:
    """Yield seconds at growing sizes, and the exponent from one size to the next."""
    torch.set_num_threads(2)
    for what, make in GROWING.items():
        for grown, places in PLACES.items():
            before = None
            for count, resolution in places:
                size = 3 * resolution**2
                seconds = timing.interleaved({"ours": make(patches(count, resolution))}, 0.5, calls=1)["ours"]
                at = count if grown == "N" else size
                exponent = grows(before, at, seconds)
                yield {"what": what, "N": count, "d": size, "seconds": f"{seconds:.3g}", "grows as": exponent}
                before = at, seconds


def grows(before: tuple[int, float] | None, size: int, seconds: float) -> str:
    """Return the exponent of growth from the previous size and seconds."""
    return "" if before is None else f"{log(seconds / before[1]) / log(size / before[0]):.1f}"


def full_route() -> Iterator[dict[str, object]]:
    """Yield the cost of all d components of N = 2 d images, in a process of its own, extrapolated to PAPER."""
    lines = [(size, *full_size.measured(components, Path(), size, 2 * size)) for size in ROUTE]
    before = None
    for size, seconds, gigabytes in lines:
        exponent = grows(before, size, seconds)
        yield _line(2 * size, str(size), seconds, gigabytes, exponent)
        before = size, seconds
    (small, _, less), (large, seconds, more) = lines[-2:]
    gigabytes = more + (more - less) / (large**2 - small**2) * (PAPER**2 - large**2)
    yield _line(2 * PAPER, f"{PAPER}, extrapolated", seconds * (PAPER / large) ** float(exponent), gigabytes, "")


def _line(count: int, size: str, seconds: float, gigabytes: float, exponent: str) -> dict[str, object]:
    return {
        "N": count,
        "d": size,
        "seconds": f"{seconds:.3g}",
        "hours": f"{seconds / 3600:.2g}",
        "GB": f"{gigabytes:.2g}",
        "grows as": exponent,
    }


def components(_: Path, size: int, count: int) -> None:
    """Fit all components of images of independent pixels."""
    spectrum.fit(np.random.default_rng(0).integers(0, 256, (count, 3, size // 3, 1), dtype=np.uint8))


def planning() -> Iterator[dict[str, object]]:
    """Yield how long `snakemake -n` takes: the paper's grid, digits with 100 and 1,500 cells, bare rules."""
    yield {"study": "config/paper.yaml", **_dry_run(["--configfile", "config/paper.yaml"])}
    for replicates in (1, 15):
        axes = {"subset_sizes": list(range(8, 58)), "scales": [4], "replicates": replicates}
        study = yaml.safe_load((PROJECT / "config/config.yaml").read_text(encoding="utf-8"))
        runs = [{**axes, "halves": ["a", "b"], "snapshots": [6400]}]
        digits = study["datasets"]["digits"]
        digits["grid"] = {"runs": runs, "sweeps": {"size": {"scales": axes["scales"][:1]}}}
        for block, cells in (("sampling", "splice"), ("measures", "jacobian"), ("distillation", "cells")):
            del digits[block][cells]  # they name cells that this grid lacks
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(study, file)
            file.flush()
            yield {"study": f"digits, {100 * replicates} cells", **_dry_run(["--configfile", file.name])}
    with tempfile.TemporaryDirectory() as place:
        snakefile = Path(place) / "Snakefile"
        snakefile.write_text(BARE.format(stages=STAGES - 1, chains=1000), encoding="utf-8")
        yield {"study": f"bare rules, 1000 chains of {STAGES}", **_dry_run(["--snakefile", str(snakefile)])}


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
    return {
        "Growth": pd.DataFrame(algebra()),
        "All components": pd.DataFrame(full_route()),
        "Planning": pd.DataFrame(planning()),
    }
