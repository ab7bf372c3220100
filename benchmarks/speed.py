"""The setting `speed`: images trained a second on the device at hand, at every scale of a study, by one process.

``PYTHONPATH=workflow .venv/bin/python benchmarks/speed.py config/paper.yaml`` prints it for each data set, and the
hours that follow from it; `make bench` puts the same on its page.
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
from hidden_gaussian.settings import Dataset, Network
from hidden_gaussian.settings import Training as Recipe
from hidden_gaussian.training import loop
from hidden_gaussian.training.state import TrainingState

PAPER = Path(__file__).parents[1] / "config" / "paper.yaml"
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FEW = 2  # images a step on cores, where more are no faster and those of the largest network take half a minute


def step(network: Network, resolution: int, channels: int, scale: int, recipe: Recipe) -> Callable[[], None]:
    """Return a call that trains `ve` for one step of the recipe's batch, with all that a job does but reading."""
    made = networks.build("ve", resolution=resolution, channels=channels, scale=scale, seed=0, **network.model_dump())
    state = TrainingState.start(made.to(DEVICE))
    shape = (recipe.batch, channels, resolution, resolution)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def train() -> None:
        until = state.images_seen + recipe.batch
        for _ in loop.train(state, pixels, recipe, until=until, seed=0):
            pass
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()

    return train


@cache
def measured(network: Network, resolution: int, channels: int, scale: int, recipe: Recipe) -> float:
    """Return images trained a second."""
    ours = step(network, resolution, channels, scale, recipe)
    return recipe.batch / timing.interleaved({"ours": ours}, 1.0, calls=1)["ours"]  # one takes 24 s at scale 192


def rows(name: str, dataset: Dataset) -> Iterator[dict[str, object]]:
    """Yield the speed at each scale, the largest first, and what is to be put into the settings."""
    network = dataset.network.model_copy(update={"dropout": 0.1})  # whose probability does not matter
    recipe = Recipe(batch=FEW, precision=dataset.training.precision, augment=dataset.training.augment)
    if DEVICE.type == "cuda":
        recipe = dataset.training.model_copy(update={"gpus": 1})
    cells = dataset.cells(name)
    largest, top = 0.0, dataset.grid.largest_scale
    for scale in sorted({cell.scale for cell in cells}, reverse=True):
        found = measured(network, dataset.resolution, dataset.channels, scale, recipe)
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
