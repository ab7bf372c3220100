"""Speed and memory of a training step, and of sampling, against plain code and diffusers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise

import numpy as np
import pandas as pd
import plain
import timing
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from hidden_gaussian import networks
from hidden_gaussian.denoisers import NetworkDenoiser
from hidden_gaussian.networks import Preconditioned
from hidden_gaussian.sampling import solvers
from hidden_gaussian.settings import Training
from hidden_gaussian.training import TrainingState, loop

SIGMA_DATA = 0.5
GOAL, GOAL_OF_WIDE = 1.5, 1.15  # times the plain step, below scale 64 and from scale 64
HELD = 20  # bytes per parameter: weight, gradient, two moments, average


@dataclass(frozen=True)
class Case:
    """One network of the paper's family at a resolution, with a batch that takes about a second."""

    scale: int
    resolution: int
    batch: int
    architecture: str = "ve"

    def build(self, dropout: float = 0.05) -> Preconditioned:
        """Return the network with the paper's options."""
        return networks.build(
            self.architecture,
            resolution=self.resolution,
            channels=3,
            scale=self.scale,
            channel_mult=[1, 2, 2, 2],
            blocks=4,
            attention_resolutions=[16],
            dropout=dropout,
            sigma_data=SIGMA_DATA,
            augment_dim=0,
            seed=0,
        )

    def images(self) -> np.ndarray:
        """Return noise as images; their content does not matter here."""
        shape = (self.batch, 3, self.resolution, self.resolution)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


CASES = (
    Case(8, 16, 32),
    Case(8, 32, 16),
    Case(8, 64, 4),
    Case(16, 16, 32),
    Case(16, 32, 8),
    Case(16, 64, 2),
    Case(64, 16, 8),
    Case(64, 32, 4),
    Case(64, 64, 2),
)


KINDS = {  # of operators, by parts of their names; the first match counts
    "convolutions": ("convolution",),
    "products and attention": ("mm", "attention", "linear"),
    "normalisation and SiLU": ("norm", "silu"),
    "optimiser and average": ("adam", "foreach", "lerp", "nan_to_num"),
    "adding and copying": ("add", "copy", "cat", "mul", "fill", "zero", "sum"),
}


class OurStep:
    """The project's own training loop, one step at a time."""

    def __init__(self, case: Case) -> None:
        self.images = case.images()
        self.settings = Training(batch=case.batch, warmup=0, augment=0.0)
        self.state = TrainingState.start(case.build())

    def __call__(self) -> None:
        """Train one step."""
        until = self.state.images_seen + self.settings.batch
        for _ in loop.train(self.state, self.images, self.settings, until=until, seed=0):
            pass


class PeerNetwork(nn.Module):
    """diffusers' UNet2DModel of equal widths and depth, with the same preconditioning around it."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        from diffusers import UNet2DModel

        widths, sizes = [case.scale * factor for factor in (1, 2, 2, 2)], [case.resolution >> i for i in range(4)]
        self.unet = UNet2DModel(
            sample_size=case.resolution,
            layers_per_block=4,
            block_out_channels=widths,
            norm_num_groups=min(case.scale // 4, 32),
            attention_head_dim=None,
            dropout=0.05,
            down_block_types=["AttnDownBlock2D" if size == 16 else "DownBlock2D" for size in sizes],
            up_block_types=["AttnUpBlock2D" if size == 16 else "UpBlock2D" for size in reversed(sizes)],
        )
        self.preconditioned = Preconditioned(_Called(self.unet), SIGMA_DATA, {})

    def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised images."""
        denoised: Tensor = self.preconditioned(noisy, sigma)
        return denoised


class _Called(nn.Module):
    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, image: Tensor, label: Tensor, augment_labels: Tensor | None = None) -> Tensor:
        output: Tensor = self.unet(image, label * 250, return_dict=False)[0]
        return output


@cache
def timed(case: Case, threads: int) -> tuple[dict[str, float], float]:
    """Return the seconds of a step (ours, plain, diffusers) and the highest GFLOP/s of a bare product."""
    torch.set_num_threads(threads)
    clean = torch.from_numpy(case.images()).float() / 127.5 - 1
    simple, peer = plain.Step(plain.network(case.build()), SIGMA_DATA), plain.Step(PeerNetwork(case), SIGMA_DATA)
    sides = {"ours": OurStep(case), "plain": partial(simple, clean), "peer": partial(peer, clean)}
    return timing.rated(sides, 3.0)


def steps(threads: int) -> Iterator[dict[str, object]]:
    """Yield a row per case: our images per second, ratios to plain code and diffusers, GFLOP/s, share of the peak."""
    for case in CASES:
        seconds, top = timed(case, threads)
        with FlopCounterMode(display=False) as counter:
            OurStep(case)()
        rate = counter.get_total_flops() / seconds["ours"] / 1e9
        yield {
            "scale": case.scale,
            "pixels": f"{case.resolution}x{case.resolution}",
            "threads": threads,
            "images/s": round(case.batch / seconds["ours"], 1),
            "times plain": round(seconds["plain"] / seconds["ours"], 2),
            "goal": GOAL_OF_WIDE if case.scale >= 64 else GOAL,
            "times diffusers": round(seconds["peer"] / seconds["ours"], 2),
            "GFLOP/s": round(rate, 1),
            "of peak": f"{rate / top:.0%}",
        }


def parts(case: Case) -> dict[str, object]:
    """Return the shares of our step by kind of operator, and the limit of its speed relative to the plain step.

    The limit is the plain step's time over the time of our convolutions, products and attention, as if everything else
    were free.
    """
    (seconds, _), ours = timed(case, 1), OurStep(case)
    ours()
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for _ in range(3):
            ours()
    spent = dict.fromkeys([*KINDS, "all else"], 0.0)
    for event in recorded.key_averages():
        kinds = (kind for kind, names in KINDS.items() if any(name in event.key.lower() for name in names))
        spent[next(kinds, "all else")] += event.self_cpu_time_total
    whole = sum(spent.values())
    left = seconds["ours"] * (spent["convolutions"] + spent["products and attention"]) / whole
    return {
        "scale": case.scale,
        "pixels": f"{case.resolution}x{case.resolution}",
        **{kind: f"{part / whole:.0%}" for kind, part in spent.items()},
        "limit": round(seconds["plain"] / left, 2),
    }


def memory(case: Case) -> dict[str, object]:
    """Return the memory that a step holds for the weights and for each image."""
    parameters = sum(weight.numel() for weight in case.build().parameters())
    return {
        "architecture": case.architecture,
        "scale": case.scale,
        "pixels": f"{case.resolution}x{case.resolution}",
        "parameters": parameters,
        "MB for them": round(HELD * parameters / 1e6, 1),
        "MB an image": round(saved_bytes(case) / 1e6, 1),
    }


def saved_bytes(case: Case) -> float:
    """Return the bytes per image that a step saves for the backward pass; they limit the batch."""
    storages: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    network = case.build().train()
    clean = torch.from_numpy(case.images()).float() / 127.5 - 1
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(clean, torch.ones(case.batch))
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    total = sum(size for place, size in storages.items() if place not in weights)
    return total / len(output)


def samples(case: Case = Case(16, 16, 32)) -> dict[str, object]:
    """Return images per second of Heun-18, and the ratio to a plain loop over the network in plain code."""
    network = case.build(dropout=0.0).eval()
    simple, start = (
        plain.network(network),
        solvers.latents(range(case.batch), (3, case.resolution, case.resolution), seed=0),
    )
    ours = NetworkDenoiser(network)
    sides = {
        "ours": lambda: solvers.draw(ours, start, "heun18"),
        "plain": lambda: _heun(simple, start),
    }
    seconds = timing.interleaved(sides, 4.0)
    return {
        "scale": case.scale,
        "pixels": f"{case.resolution}x{case.resolution}",
        "images/s": round(case.batch / seconds["ours"], 1),
        "times plain": round(seconds["plain"] / seconds["ours"], 2),
    }


@torch.no_grad()
def _heun(network: nn.Module, state: Tensor) -> Tensor:
    sigmas = [*solvers.noise.schedule(18).tolist(), 0.0]
    for sigma, following in pairwise(sigmas):
        slope = (state - network(state, torch.full((len(state),), sigma))) / sigma
        moved = state + (following - sigma) * slope
        if following > 0:
            second = (moved - network(moved, torch.full((len(state),), following))) / following
            moved = state + (following - sigma) * (slope + second) / 2
        state = moved
    return state


def tables() -> dict[str, pd.DataFrame]:
    """Return what the page shows."""
    step = pd.DataFrame([row for threads in (1, 2) for row in steps(threads)])
    torch.set_num_threads(1)
    return {
        "A training step": step,
        "Memory of a step": pd.DataFrame(
            memory(Case(scale, resolution, 1, architecture))
            for architecture in ("ve", "vp", "adm")
            for scale in (8, 16, 64)
            for resolution in (32, 64)
        ),
        "Where a step goes": pd.DataFrame([parts(case) for case in CASES]),
        "Sampling": pd.DataFrame([samples()]),
    }
