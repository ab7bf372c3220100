"""Denoising networks of the published architectures, of any scale, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, NamedTuple

import torch
from torch import nn

from hidden_gaussian.errors import InputError
from hidden_gaussian.networks.autoencoders import AffineNet, DiT, SkipNet
from hidden_gaussian.networks.dhariwal_unet import DhariwalUNet
from hidden_gaussian.networks.preconditioning import Direct, Parametrisation, Preconditioned, VarianceExploding
from hidden_gaussian.networks.song_unet import ve, vp
from hidden_gaussian.networks.unet import Layout

__all__ = ["ARCHITECTURES", "Parametrisation", "Preconditioned", "build", "rebuild"]


class Architecture(NamedTuple):
    """A raw network, and how a denoiser is made of it."""

    model: Callable[[Layout], nn.Module]
    parametrisation: type[Parametrisation] = Preconditioned


ARCHITECTURES = {
    "ve": Architecture(ve),
    "vp": Architecture(vp),
    "adm": Architecture(DhariwalUNet),
    "ve-baseline": Architecture(ve, VarianceExploding),
    "dae-ve": Architecture(ve, Direct),
    "dae-skip": Architecture(SkipNet, Direct),
    "dae-dit": Architecture(DiT, Direct),
    "dae-linear": Architecture(AffineNet, Direct),
}


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
) -> Parametrisation:
    """Return a new network with random weights that depend on the seed alone.

    The arguments are those of :class:`hidden_gaussian.networks.unet.Layout` and `sigma_data`, the standard
    deviation of the pixels. Torch's global generator is left as it was. A ``dae-*`` network is that of one noise level.

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
        model = ARCHITECTURES[architecture].model(layout)
    options = {"architecture": architecture, **asdict(layout), "sigma_data": sigma_data}
    return ARCHITECTURES[architecture].parametrisation(model, sigma_data, options)


def rebuild(options: Mapping[str, Any]) -> Parametrisation:
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
