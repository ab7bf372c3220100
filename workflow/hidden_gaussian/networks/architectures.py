"""Denoising networks of the published architectures, by name and size."""

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


class Architecture(NamedTuple):
    """A raw network, and the parametrisation that makes a denoiser of it."""

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
    """Return a new network with random weights, which depend on the seed alone.

    Torch's global generator does not change.

    Parameters
    ----------
    architecture : str
        A key of ``ARCHITECTURES``; a ``dae-*`` network is for one noise level.
    resolution, channels, scale, channel_mult, blocks, attention_resolutions, dropout, augment_dim
        The size, see :class:`hidden_gaussian.networks.unet.Layout`.
    sigma_data : float
        Standard deviation of the pixels.
    seed : int

    Raises
    ------
    InputError
        If there is no such architecture, or it cannot have this size.
    """
    if architecture not in ARCHITECTURES:
        raise InputError(f"architecture {architecture!r} is unknown; choose one of {', '.join(ARCHITECTURES)}")
    factors, attention = list(channel_mult), list(attention_resolutions)
    layout = Layout(resolution, channels, scale, factors, blocks, attention, dropout, augment_dim)
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = ARCHITECTURES[architecture].model(layout)
    options = {"architecture": architecture, **asdict(layout), "sigma_data": sigma_data}
    return ARCHITECTURES[architecture].parametrisation(model, sigma_data, options)


def rebuild(options: Mapping[str, Any]) -> Parametrisation:
    """Return a network with the ``options`` of another one, ready to load its weights.

    Raises
    ------
    InputError
        If an option is missing or unknown.

    Examples
    --------
    >>> network = build("dae-linear", resolution=4, channels=1, scale=2, channel_mult=[1], blocks=1,
    ...     attention_resolutions=[], dropout=0.0, sigma_data=0.5, augment_dim=0, seed=0)
    >>> network(torch.ones(2, 1, 4, 4), sigma=0.5).shape
    torch.Size([2, 1, 4, 4])
    >>> rebuild(network.options).load_state_dict(network.state_dict())
    <All keys matched successfully>
    """
    expected = {"architecture", "sigma_data", *(field.name for field in fields(Layout))}
    if set(options) != expected:
        wrong = ", ".join(sorted(set(options) ^ expected))
        raise InputError(f"options of a network are missing or unknown: {wrong}; build the network again")
    return build(**options, seed=0)
