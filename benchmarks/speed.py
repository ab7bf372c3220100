"""The setting `speed`: images trained per second on this device, at every scale of a study, by one process.

``PYTHONPATH=workflow .venv/bin/python benchmarks/speed.py config/paper.yaml`` prints it for each dataset, with the
hours that follow; `make bench` puts the same table on its page.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import timing
import torch

from hidden_gaussian import networks, settings
from hidden_gaussian.planning import cost
from hidden_gaussian.settings import Dataset, Network, Training
from hidden_gaussian.training import TrainingState, loop

PAPER = Path(__file__).parents[1] / "config" / "paper.yaml"
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FEW = 2  # images per step on cores: more are no faster, and two take the largest network half a minute


def step(network: Network, resolution: int, channels: int, scale: int, training: Training) -> Callable[[], None]:
    """Return a call that trains `ve` on one batch; it does everything a job does except reading."""
    made = networks.build("ve", resolution=resolution, channels=channels, scale=scale, seed=0, **network.model_dump())
    state = TrainingState.start(made.to(DEVICE))
    shape = (training.batch, channels, resolution, resolution)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def train() -> None:
        until = state.images_seen + training.batch
        for _ in loop.train(state, pixels, training, until=until, seed=0):
            pass
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()

    return train


@cache
def measured(network: Network, resolution: int, channels: int, scale: int, training: Training) -> float:
    """Return images trained per second."""
    ours = step(network, resolution, channels, scale, training)
    return training.batch / timing.interleaved({"ours": ours}, 1.0, calls=1)["ours"]  # one call takes 24 s at scale 192


def rows(name: str, dataset: Dataset) -> Iterator[dict[str, object]]:
    """Yield the speed at each scale, the largest first, and the value for the settings."""
    network = dataset.network.model_copy(update={"dropout": 0.1})  # the probability does not matter
    training = Training(batch=FEW, precision=dataset.training.precision, augment=dataset.training.augment)
    if DEVICE.type == "cuda":
        training = dataset.training.model_copy(update={"gpus": 1})
    cells = dataset.cells(name)
    largest, top = 0.0, dataset.grid.largest_scale
    for scale in sorted({cell.scale for cell in cells}, reverse=True):
        found = measured(network, dataset.resolution, dataset.channels, scale, training)
        largest = largest or found
        hours = cost.training_hours(dataset.model_copy(update={"speed": largest}), cells)
        yield {
            "data set": name,
            "pixels": f"{dataset.resolution}x{dataset.resolution}",
            "scale": scale,
            "images/s": f"{found:.3g}",
            "as the largest tells": f"{largest * top / scale:.3g}",
            "`speed`": f"{largest:.3g}" if scale == top else "",
            "device hours of all trainings": f"{hours:,.0f}" if scale == top else "",
        }


def tables(path: Path = PAPER) -> dict[str, pd.DataFrame]:
    """Return what the page shows."""
    torch.set_num_threads(1)
    study = settings.load(path)
    return {"Speed": pd.DataFrame([row for name, dataset in study.datasets.items() for row in rows(name, dataset)])}


if __name__ == "__main__":
    print(f"on {torch.cuda.get_device_name() if DEVICE.type == 'cuda' else timing.machine()}, one process")
    print(tables(Path(*sys.argv[1:2] or [PAPER]))["Speed"].to_string(index=False))
