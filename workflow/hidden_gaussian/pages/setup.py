"""The page of the paper's experimental setup: networks, training and measurements, with tables of settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from hidden_gaussian import noise_schedule, settings
from hidden_gaussian.cells import Cell
from hidden_gaussian.pages import markdown
from hidden_gaussian.planning import cost, resources
from hidden_gaussian.settings import Dataset, Distillation, Measures, Source

HEAD = """# Experimental setup

The paper's grid as this project runs it, generated from `config/paper.yaml`. Pixels are in [-1, 1], sigma is the
standard deviation of the noise, and training lengths are in images seen. [config/README.md](../config/README.md)
explains each key.

## The denoiser

A network F is turned into a denoiser by the preconditioning of Karras et al. (2022). With s the standard deviation of
the pixels (`sigma_data`),

    D(x; sigma) = c_skip(sigma) x + c_out(sigma) F(c_in(sigma) x; c_noise(sigma))

    c_skip(sigma)  = s^2 / (sigma^2 + s^2)
    c_out(sigma)   = sigma s / sqrt(sigma^2 + s^2)
    c_in(sigma)    = 1 / sqrt(sigma^2 + s^2)
    c_noise(sigma) = ln(sigma) / 4

so the input and target of F have unit variance at every sigma. The training loss is

    E [ lambda(sigma) |D(x + sigma e; sigma) - x|^2 ],

    lambda(sigma) = (sigma^2 + s^2) / (sigma s)^2 = 1 / c_out(sigma)^2,

with e white noise of unit variance, and ln sigma normal with mean `p_mean` and standard deviation `p_std`. Sigma
exceeds 4.07 in 1.5 %, 9.7 in 0.19 % and 20 in 0.024 % of the draws, so high noise is learned last. Adam uses
beta = (0.9, 0.999) and epsilon = 1e-8. The evaluated weights are an exponential moving average.

## Architectures

`ve`, `vp` and `adm` name networks only; they share the forward process, preconditioning and loss above. The other
architectures have their own denoiser and loss.

| name | network | details |
| --- | --- | --- |
| `ve` | NCSN++ (Song et al. 2021): U-Net | random Fourier features of c_noise; resampling by the filter [1, 3, 3, 1]; \
the noisy image enters at every resolution; one attention head; sums divided by sqrt(2) |
| `vp` | DDPM++ (Song et al. 2021): U-Net | sinusoidal embedding of c_noise; resampling by 2x2 averages; the noisy \
image enters once; otherwise as `ve` |
| `adm` | ADM (Dhariwal & Nichol 2021): U-Net | sinusoidal embedding; c_noise also scales features; attention \
heads of 64 channels; the last weights of each block start at 0 |
| `ve-baseline` | as `ve` | D = x + sigma F(x; ln(sigma / 2)); loss \\|D - x\\|^2 / sigma^2, ln sigma uniform \
from ln 0.02 to ln 100 (Song et al. 2021) |
| `dae-ve`, `dae-skip`, `dae-dit`, `dae-linear` | ten networks, one per noise level: as `ve`; encoder and decoder \
with 1x1 convolutions on the skips; a transformer of patches (Peebles & Xie 2023); one affine map | D = F(x; sigma); \
loss \\|D - x\\|^2 at its own level |

The *scale* is the number of base channels. `channel_mult` multiplies it at each resolution, finest first. At 64x64
with `channel_mult` (1, 2, 2, 2) and 4 blocks, `ve` has 64,583 parameters at scale 4, 251,531 at 8, 992,531 at 16,
3,942,947 at 32, 15,717,443 at 64 and 62,761,091 at 128; `vp` has 61.8 million at 128.

## Noise levels

sigma_i = (80^(1/7) + i/(n-1) (0.002^(1/7) - 80^(1/7)))^7, i = 0 ... n-1 (Karras et al. 2022, eq. 5). For n = 10:
"""
CELLS = """## Training runs

Every combination within a row is one run, saved at each number of images seen. Halves a and b are disjoint.

"""
COST = """
## What it costs

These are estimates made before any run. Device hours are for training alone: images seen x scale / largest scale,
summed over the trainings and divided by the setting `speed`. Sampling and measuring add about as much again. `speed`
is a guess that no GPU has measured yet; `benchmarks/speed.py` measures it on your machine, and hours are inversely
proportional to it. Memory is the largest request of any job ([resources.md](resources.md)).

"""
AMBIGUITIES = """## What the paper leaves open

From the head of `config/paper.yaml`:

"""
BLOCKS: dict[str, tuple[type[BaseModel], Callable[[Dataset], BaseModel]]] = {
    "Network": (settings.Network, lambda dataset: dataset.network),
    "Training": (settings.Training, lambda dataset: dataset.training),
    "Samples": (settings.Sampling, lambda dataset: dataset.sampling),
    "Measurements": (Measures, lambda dataset: dataset.measures),
    "Linear distillation": (Distillation, lambda dataset: dataset.distillation),
}


def page(path: Path) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    path : Path
        Settings of the study.

    Raises
    ------
    InputError
        If the settings are wrong.
    """
    datasets = settings.load(path).datasets
    noise = ", ".join(f"{sigma:.4g}" for sigma in noise_schedule.schedule(10))
    parts = [HEAD, f"{noise}.\n", "## Data\n", _data(datasets)]
    for title, (block, part) in BLOCKS.items():
        parts += [f"## {title}\n", _block(block, {name: part(dataset) for name, dataset in datasets.items()})]
    parts += [CELLS + _runs(datasets) + COST + _costs(datasets), AMBIGUITIES + _remarks(path)]
    return "\n".join(parts)


def _data(datasets: Mapping[str, Dataset]) -> str:
    rows = [
        (
            name,
            f"{dataset.resolution}x{dataset.resolution}",
            f"{dataset.source.count:,}",
            _source(dataset.heldout),
            "the held-out images" if dataset.foreign == "heldout" else _source(dataset.foreign),
        )
        for name, dataset in datasets.items()
    ]
    return markdown.table(("dataset", "pixels", "images", "held out", "foreign inputs"), rows)


def _source(images: Source | int | str | None) -> str:
    if isinstance(images, Source):
        return f"{images.count:,} of `{images.path}`"
    return f"{images:,}" if images else "none"


def _block(block: type[BaseModel], parts: Mapping[str, BaseModel]) -> str:
    rows = [(f"`{key}`", *(_value(getattr(part, key)) for part in parts.values())) for key in block.model_fields]
    return markdown.table(("key", *parts), rows)


def _value(value: object) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return json.dumps(value).replace('"', "")


def _runs(datasets: Mapping[str, Dataset]) -> str:
    rows = []
    for name, dataset in datasets.items():
        for run in dataset.grid.runs:
            seen = {seen for size in run.subset_sizes for seen in run.saved_at(size, dataset.training.batch)}
            lists = (run.subset_sizes, run.halves, run.architectures, run.scales, sorted(seen))
            network = "" if run.network is None else _value(run.network).strip("{}")
            rows.append((name, *(", ".join(_value(item) for item in one) for one in lists), network))
    titles = ("dataset", "training images", "halves", "architectures", "scales", "images seen", "network differs in")
    return markdown.table(titles, rows)


def _costs(datasets: Mapping[str, Dataset]) -> str:
    rows = []
    for name, dataset in datasets.items():
        cells = dataset.cells(name)
        runs = cost.last_of_runs(cells)
        hours, disk = cost.training_hours(dataset, cells), cost.disk_gigabytes(dataset, cells)
        numbers = (f"{hours:,.0f}", f"{disk:,.0f}", f"{_largest_memory(dataset, runs) / 1000:,.0f}")
        rows.append([name, str(len(cells)), str(len(runs)), *numbers])
    return markdown.table(["dataset", "cells", "trainings", "device hours", "disk GB", "memory GB"], rows)


def _largest_memory(dataset: Dataset, runs: Sequence[Cell]) -> int:
    """Return the largest request of any job in MB."""
    largest = max(cell.subset_size for cell in runs)
    requests = [
        request
        for cell in runs
        for request in (
            resources.training(dataset, cell.scale, cell.images_seen),
            resources.measuring(dataset, cell.subset_size, cell.scale, largest=largest, distilled=True),
            resources.distilling(dataset, cell.subset_size, cell.scale),
            resources.spectrum(dataset, cell.subset_size),
        )
    ]
    return max(request.mem_mb for request in requests) + max(resources.opening(dataset, cell.id) for cell in runs)


def _remarks(path: Path) -> str:
    """Return the list in the comment at the head of the settings file."""
    comment = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    items = [line.removeprefix("# ") for line in comment if line.startswith(("# * ", "#   "))]
    return "\n".join(items) + "\n"
