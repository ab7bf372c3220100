"""Several cells of one architecture on one machine: one by one, side by side, or as one batched model."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection

import pandas as pd
import timing
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from hidden_gaussian import networks
from hidden_gaussian.networks import Preconditioned

CELLS, BATCH, RESOLUTION, SIGMA_DATA = 4, 32, 16, 0.5


def build(scale: int, seed: int) -> Preconditioned:
    """Return the small network that the studies for two cores use."""
    return networks.build(
        "ve",
        resolution=RESOLUTION,
        channels=3,
        scale=scale,
        channel_mult=[1, 2],
        blocks=1,
        attention_resolutions=[],
        dropout=0.0,
        sigma_data=SIGMA_DATA,
        augment_dim=0,
        seed=seed,
    )


def _loss(network: nn.Module, weights: dict[str, Tensor], clean: Tensor, sigma: Tensor, unit: Tensor) -> Tensor:
    noisy = clean + sigma[:, None, None, None] * unit
    denoised = functional_call(network, weights, (noisy, sigma))
    weight = ((sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2)[:, None, None, None]
    return (weight * (denoised - clean) ** 2).sum() / len(clean)


def _batch(cells: int) -> tuple[Tensor, Tensor, Tensor]:
    shape = (cells, BATCH, 3, RESOLUTION, RESOLUTION)
    return torch.rand(shape) * 2 - 1, (torch.randn(cells, BATCH) * 1.2 - 1.2).exp(), torch.randn(shape)


class OneByOne:
    """A step of every cell, in turn."""

    def __init__(self, scale: int, cells: int = CELLS) -> None:
        self.networks = [build(scale, seed) for seed in range(cells)]
        self.optimisers = [torch.optim.Adam(network.parameters(), fused=True) for network in self.networks]
        self.data = _batch(cells)

    def __call__(self) -> None:
        """Train one step of each cell."""
        for cell, (network, optimiser) in enumerate(zip(self.networks, self.optimisers, strict=True)):
            optimiser.zero_grad()
            weights = dict(network.named_parameters())
            _loss(network, weights, *(part[cell] for part in self.data)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()


class Batched:
    """The same step for all cells as one model with grouped convolutions."""

    def __init__(self, scale: int) -> None:
        cells = [build(scale, seed) for seed in range(CELLS)]
        weights, buffers = stack_module_state(cells)  # type: ignore[arg-type]
        self.weights = {name: value.detach().requires_grad_() for name, value in weights.items()}
        self.optimiser = torch.optim.Adam(self.weights.values(), fused=True)
        skeleton, self.data = cells[0], _batch(CELLS)

        def loss(weights: dict[str, Tensor], buffers: dict[str, Tensor], *batch: Tensor) -> Tensor:
            return _loss(skeleton, weights | buffers, *batch)

        self.gradients = vmap(grad(loss))
        self.buffers = buffers

    def __call__(self) -> None:
        """Train one step of each cell."""
        weights = {name: value.detach() for name, value in self.weights.items()}
        gradients = self.gradients(weights, self.buffers, *self.data)
        for name, value in self.weights.items():
            value.grad = gradients[name]
        self.optimiser.step()


def _worker(scale: int, cells: int, link: Connection) -> None:
    torch.set_num_threads(1)
    step = OneByOne(scale, cells)
    step()
    link.send("ready")
    while steps := link.recv():
        for _ in range(steps):
            step()
        link.send("done")


class SideBySide:
    """Two processes of one thread, each with half of the cells."""

    def __init__(self, scale: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.links, self.processes = [], []
        for _ in range(2):
            here, there = context.Pipe()
            process = context.Process(target=_worker, args=(scale, CELLS // 2, there), daemon=True)
            process.start()
            self.links.append(here)
            self.processes.append(process)
        for link in self.links:
            link.recv()

    def __call__(self) -> None:
        """Train one step of each cell."""
        for link in self.links:
            link.send(1)
        for link in self.links:
            link.recv()

    def close(self) -> None:
        """End the processes."""
        for link, process in zip(self.links, self.processes, strict=True):
            link.send(0)
            process.join()


def row(scale: int) -> dict[str, object]:
    """Return images per second of all cells together, for each of the three methods, on two cores."""
    torch.set_num_threads(2)
    apart = SideBySide(scale)
    seconds = timing.interleaved(
        {"one by one": OneByOne(scale), "side by side": apart, "one batched model": Batched(scale)}, 5.0
    )
    apart.close()
    rates = {name: round(CELLS * BATCH / value, 1) for name, value in seconds.items()}
    return {
        "scale": scale,
        "cells": CELLS,
        **{f"{name}, images/s": rate for name, rate in rates.items()},
        "batched against one by one": round(seconds["one by one"] / seconds["one batched model"], 2),
        "side by side against one by one": round(seconds["one by one"] / seconds["side by side"], 2),
    }


def tables() -> dict[str, pd.DataFrame]:
    """Return what the page shows."""
    return {"Many small cells": pd.DataFrame([row(scale) for scale in (4, 8, 16, 32)])}
