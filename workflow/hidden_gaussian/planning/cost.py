"""What a study costs, estimated before it is run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from hidden_gaussian import figures
from hidden_gaussian.cells import Cell
from hidden_gaussian.planning import ownership, resources
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
    return sum(segment_hours(dataset, cell, 0) for cell in last_of_runs(cells))


def segment_hours(dataset: Dataset, cell: Cell, before: int) -> float:
    """Return the hours on one device from the checkpoint that saw `before` images to this one."""
    return cell.networks * (cell.images_seen - before) / resources.speed(dataset, cell.scale) / 3600


def runs(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Return the checkpoints of each training run, shortest training first; pretrained networks have no run."""
    found: dict[str, list[Cell]] = {}
    for cell in sorted(cells):
        if not cell.is_pretrained:
            found.setdefault(cell.run, []).append(cell)
    return list(found.values())


def last_of_runs(cells: Sequence[Cell]) -> list[Cell]:
    """Return the last checkpoint of each training run."""
    return [checkpoints[-1] for checkpoints in runs(cells)]


def disk_gigabytes(dataset: Dataset, cells: Sequence[Cell], *, packed: bool = False) -> float:
    """Return disk use in GB: images (unless packed), spectra, maps of one network, checkpoints, samples and shards."""
    pixels = dataset.channels * dataset.resolution**2
    images = 0 if packed else dataset.source.count * pixels
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
        last = last_of_runs(cells)
        seen = sum(cell.networks * cell.images_seen for cell in last)
        lines.append(
            f"{name:<16}{len(cells):>7}{len(last):>6}{seen:>15,}"
            f"{disk_gigabytes(dataset, cells):>9.1f}{training_hours(dataset, cells):>14.1f}"
            f"{len(figures.available(ResultsIndex.of(name, dataset, study.datasets))):>9}"
        )
    return "\n".join([*lines, *absent_files(study), *_unmeasured(study)])


def absent_files(study: Study, made: Collection[str] | None = None) -> list[str]:
    """Return a line for each archive, folder or network file that the settings name but that does not exist.

    With `made`, the files that a run makes, only what these are made from.
    """
    paths: dict[str, tuple[str | None, str]] = {}
    for name, dataset in study.datasets.items():
        folder = f"{study.results}/{name}"
        for role, packed in ownership.PACKED.items():
            source = getattr(dataset, role)
            if isinstance(source, Source) and source.path and not source.download:
                paths[f"{name}.{role}"] = study.located(source).path, f"{folder}/{packed}.npy"
        for number, pretrained in enumerate(dataset.grid.pretrained):
            weights = f"{folder}/{pretrained.cell(name).id}/weights.safetensors"
            paths[f"{name}.grid.pretrained.{number}"] = study.located(pretrained).path, weights
    return [
        f"datasets.{key}: {path} does not exist; correct its path, or its entry in 'archives'"
        for key, (path, file) in paths.items()
        if path and (made is None or file in made) and not Path(path).expanduser().exists()
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


class Remaining(NamedTuple):
    """What a run has left to do."""

    jobs: int
    all_jobs: int
    hours: float
    lines: list[str]


def total(study: Study, remaining: Remaining) -> str:
    """Return what a run has left to do, and the hours that the whole study takes, on one device or core.

    On the shipped studies, sampling and measuring take about as long as training. Each job starts its own process.
    """
    training = sum(training_hours(dataset, dataset.cells(name)) for name, dataset in study.datasets.items())
    left, whole = (
        2 * hours + jobs * JOB_SECONDS / 3600
        for hours, jobs in ((remaining.hours, remaining.jobs), (training, remaining.all_jobs))
    )
    lines = [
        *remaining.lines,
        f"Left to do: {remaining.jobs} jobs, about {left:.1f} hours on one device or core; the whole study: "
        f"{remaining.all_jobs} jobs, about {whole:.1f} hours. That is training at the setting 'speed', the same again "
        f"for sampling and measuring, and {JOB_SECONDS} s to start each job",
    ]
    return "\n".join(lines)


def to_train(study: Study, made: Collection[str]) -> str:
    """Return a line on the networks that a run trains, and the hours on one device; empty if it trains none.

    `made` holds the files that the run makes, as Snakemake names them.
    """
    networks, hours = 0, 0.0
    for name, dataset in study.datasets.items():
        for cells in runs(dataset.cells(name)):
            before = 0
            for cell in cells:
                if f"{study.results}/{name}/{cell.id}/weights.safetensors" in made:
                    networks += 1
                    hours += segment_hours(dataset, cell, before)
                before = cell.images_seen
    return f"trains {networks} network{'s' * (networks > 1)}: {hours:.3g} device-hours" if networks else ""


def remaining(config: Mapping[str, object], snakefile: Path) -> Remaining:
    """Return what a study has left to do, by a dry run of Snakemake in a process of its own."""
    with NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config, file)
        file.flush()
        dry = ["-n", "--nolock", "--quiet", "rules", "--snakefile", str(snakefile), "--configfile", file.name]
        done = subprocess.run([sys.executable, "-m", "snakemake", *dry], stdout=subprocess.PIPE, text=True, check=True)
    jobs, all_jobs = (int(count) for count in re.findall(r"^(\d+) of (\d+) jobs to do$", done.stdout, re.M)[-1])
    hours = re.search(r"^trains .*: (\S+) device-hours$", done.stdout, re.M)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("changed for ", "retrains "))]
    return Remaining(jobs, all_jobs, float(hours[1]) if hours else 0.0, lines)


def superseded(study: Study) -> list[str]:
    """Return the training states, relative to the results folder, that no later snapshot of the settings needs."""
    paths = []
    for name, dataset in study.datasets.items():
        cells = dataset.cells(name)
        needed = set(last_of_runs(cells))
        paths += [f"{name}/{cell.id}/{cell.state}" for cell in cells if cell not in needed and not cell.is_pretrained]
    return paths
