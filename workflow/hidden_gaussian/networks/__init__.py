"""Denoising networks of the published architectures, of any scale, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import torch

from hidden_gaussian.errors import InputError
from hidden_gaussian.networks.dhariwal_unet import DhariwalUNet
from hidden_gaussian.networks.preconditioning import Preconditioned
from hidden_gaussian.networks.song_unet import ve, vp
from hidden_gaussian.networks.unet import Layout, UNet

__all__ = ["ARCHITECTURES", "Preconditioned", "build", "rebuild"]

ARCHITECTURES: dict[str, Callable[[Layout], UNet]] = {"ve": ve, "vp": vp, "adm": DhariwalUNet}


def build(
    architecture: str,
    *,
    resolution: int,
    channels: int,
    scale: int,
    channel_mult: Sequence[int],
    blocks: int,
    attention_resolutions: Sequence[int],
    dropout: float,
    sigma_data: float,
    augment_dim: int,
    seed: int,
) -> Preconditioned:
    """Return a new network with random weights that depend on the seed alone.

    The arguments are those of :class:`hidden_gaussian.networks.unet.Layout` and `sigma_data`, the standard
    deviation of the pixels. Torch's global generator is left as it was.

    Raises
    ------
    InputError
        If there is no such architecture, or it cannot have this size.
    """
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise InputError(f"architecture {architecture!r} is unknown; choose one of {known}")
    factors, attention = list(channel_mult), list(attention_resolutions)
    layout = Layout(resolution, channels, scale, factors, blocks, attention, dropout, augment_dim)
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = ARCHITECTURES[architecture](layout)
    options = {"architecture": architecture, **asdict(layout), "sigma_data": sigma_data}
    return Preconditioned(model, sigma_data, options)


def rebuild(options: Mapping[str, Any]) -> Preconditioned:
    """Return a network like the one whose `options` these are, for its saved weights to be loaded into.

    Raises
    ------
    InputError
        If an option is missing or unknown.
    """
    expected = {"architecture", "sigma_data", *(field.name for field in fields(Layout))}
    if set(options) != expected:
        wrong = ", ".join(sorted(set(options) ^ expected))
        raise InputError(f"options of a network are missing or unknown: {wrong}; build the network again")
    return build(**options, seed=0)
