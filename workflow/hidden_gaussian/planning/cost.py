"""What a study costs, estimated before it is run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from hidden_gaussian import figures
from hidden_gaussian.cells import Cell
from hidden_gaussian.planning import resources
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.settings import Dataset, Network, Source, Study

BYTES = {"weights": 4, "state": 20}  # per parameter: its average; and itself, its average, two moments, spare
SHOWN = 3  # ids in the note on unmeasured cells
JOB_SECONDS = 8  # Snakemake's own process and imports


def parameters(network: Network, scale: int) -> int:
    """Return the approximate number of parameters of a network, from the 3x3 kernels of its residual blocks."""
    widths = [scale * multiple for multiple in network.channel_mult]
    encoder = sum(2 * 9 * width**2 * network.blocks for width in widths)
    decoder = sum(3 * 9 * width**2 * (network.blocks + 1) for width in widths)
    return encoder + decoder


def training_hours(dataset: Dataset, cells: Sequence[Cell]) -> float:
    """Return training time in hours on one device: images seen over images per second, summed over the runs."""
    runs = last_of_runs(cells)
    return sum(cell.networks * cell.images_seen / resources.speed(dataset, cell.scale) for cell in runs) / 3600


def last_of_runs(cells: Sequence[Cell]) -> list[Cell]:
    """Return the last checkpoint of each training run; pretrained networks have no run."""
    runs: dict[str, Cell] = {}
    for cell in cells:
        if not cell.is_pretrained and (cell.run not in runs or runs[cell.run].images_seen < cell.images_seen):
            runs[cell.run] = cell
    return list(runs.values())


def disk_gigabytes(dataset: Dataset, cells: Sequence[Cell]) -> float:
    """Return disk use in GB: images, spectra, linear maps of one network, checkpoints, samples and shards."""
    pixels = dataset.channels * dataset.resolution**2
    images = dataset.source.count * pixels
    subsets = {cell.subset: cell.subset_size for cell in cells}
    spectra = sum(8 * pixels * min(size, pixels) for size in subsets.values())
    checkpoints = sum(cell.networks * _bytes(cell) * parameters(dataset.network_of(cell), cell.scale) for cell in cells)
    samples = 4 * pixels * (dataset.sampling.count + 16 * 20) * (len(cells) + 2 * len(subsets))
    rows = dataset.measures.images * len(dataset.inputs)
    rows *= 11 * dataset.measures.draws * dataset.measures.levels + 13 * dataset.measures.linearity_levels
    maps = 4 * 10 * pixels**2
    return (images + spectra + maps + checkpoints + samples + 10 * rows * (len(cells) + 4 * len(subsets))) / 1e9


def _bytes(cell: Cell) -> int:
    return BYTES["weights"] if cell.is_pretrained else sum(BYTES.values())


def describe(study: Study) -> str:
    """Return a table of the datasets, then a line for each absent file and each dataset with unmeasured cells.

    The table gives cells, runs, images seen, disk, hours on one device and figures.
    """
    lines = [
        f"{'dataset':<16}{'cells':>7}{'runs':>6}{'images seen':>15}{'disk GB':>9}{'device hours':>14}{'figures':>9}"
    ]
    for name, dataset in study.datasets.items():
        cells = dataset.cells(name)
        runs = last_of_runs(cells)
        seen = sum(cell.networks * cell.images_seen for cell in runs)
        lines.append(
            f"{name:<16}{len(cells):>7}{len(runs):>6}{seen:>15,}"
            f"{disk_gigabytes(dataset, cells):>9.1f}{training_hours(dataset, cells):>14.1f}"
            f"{len(figures.available(ResultsIndex.of(name, dataset, study.datasets))):>9}"
        )
    return "\n".join([*lines, *_absent_files(study), *_unmeasured(study)])


def _absent_files(study: Study) -> list[str]:
    """Return a line for each archive, folder or network file that the settings name but that does not exist."""
    paths: dict[str, str | None] = {}
    for name, dataset in study.datasets.items():
        for role in ("source", "heldout", "foreign"):
            source = getattr(dataset, role)
            if isinstance(source, Source) and source.path and not source.download:
                paths[f"{name}.{role}"] = study.located(source).path
        for number, pretrained in enumerate(dataset.grid.pretrained):
            paths[f"{name}.grid.pretrained.{number}"] = study.located(pretrained).path
    return [
        f"datasets.{key}: {path} does not exist; correct its path, or its entry in 'archives'"
        for key, path in paths.items()
        if path and not Path(path).exists()
    ]


def _unmeasured(study: Study) -> list[str]:
    """Return a line for each dataset with cells that no sweep, splice or Jacobian measurement names."""
    lines = []
    for name, dataset in study.datasets.items():
        cells, jacobian = dataset.cells(name), dataset.measures.jacobian
        measured = {cell for chosen in dataset.sweeps(name).values() for cell in chosen}
        for chosen in (dataset.sampling.splice, jacobian and jacobian.cells):
            measured |= set(chosen.choose(cells)) if chosen else set()
        left = [cell.id for cell in cells if cell not in measured]
        if left:
            many = "1 cell is" if len(left) == 1 else f"{len(left)} cells are"
            more = " ..." if len(left) > SHOWN else ""
            lines.append(
                f"datasets.{name}.grid: {many} in no sweep ({', '.join(left[:SHOWN])}{more}). Such cells are not "
                "measured, and trained only if a later snapshot of their run needs them; the numbers above include them"
            )
    return lines


def total(study: Study, jobs: int) -> str:
    """Return how many jobs remain, and the hours that the whole study takes on one device or core.

    On the shipped studies, sampling and measuring take about as long as training. Each job starts its own process.
    """
    training = sum(training_hours(dataset, dataset.cells(name)) for name, dataset in study.datasets.items())
    hours = 2 * training + jobs * JOB_SECONDS / 3600
    return (
        f"{jobs} jobs to do. From scratch the study takes about {hours:.1f} hours on one device or core: training at "
        f"the setting 'speed', the same again for sampling and measuring, and {JOB_SECONDS} s to start each job"
    )


def count_jobs(config: Mapping[str, object], snakefile: Path) -> int:
    """Return how many jobs a study has left, by a dry run of Snakemake in a process of its own."""
    with NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config, file)
        file.flush()
        dry = ["-n", "--nolock", "--quiet", "rules", "--snakefile", str(snakefile), "--configfile", file.name]
        done = subprocess.run([sys.executable, "-m", "snakemake", *dry], stdout=subprocess.PIPE, text=True, check=True)
    jobs = re.search(r"^total +(\d+)$", done.stdout, re.MULTILINE)
    return int(jobs[1]) if jobs else 0


def superseded(study: Study) -> list[str]:
    """Return the training states, relative to the results folder, that no later snapshot of the settings needs."""
    paths = []
    for name, dataset in study.datasets.items():
        cells = dataset.cells(name)
        needed = set(last_of_runs(cells))
        paths += [f"{name}/{cell.id}/{cell.state}" for cell in cells if cell not in needed and not cell.is_pretrained]
    return paths
