"""Layers of all networks: noise embeddings, resampling convolutions, residual blocks with attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hidden_gaussian.networks.dropout import Dropout

Initialiser = Callable[[Tensor, Tensor | None], None]
Resampled = Literal["up", "down"] | None


def glorot(gain: float = 1.0) -> Initialiser:
    """Return the initialiser of Glorot & Bengio (2010), scaled by `gain`, with zero biases."""

    def fill(weight: Tensor, bias: Tensor | None) -> None:
        nn.init.xavier_uniform_(weight, gain)
        if bias is not None:
            nn.init.zeros_(bias)

    return fill


def by_inputs(weight: Tensor, bias: Tensor | None) -> None:
    """Fill weight and bias uniformly within +-1/sqrt(inputs), which keeps a third of the variance."""
    bound = 1 / math.sqrt(weight[0].numel())
    nn.init.uniform_(weight, -bound, bound)
    if bias is not None:
        nn.init.uniform_(bias, -bound, bound)


def zeros(weight: Tensor, bias: Tensor | None) -> None:
    """Fill weight and bias with zeros, so that a residual branch starts at zero."""
    nn.init.zeros_(weight)
    if bias is not None:
        nn.init.zeros_(bias)


@dataclass(frozen=True)
class Style:
    """What all blocks of an architecture share.

    Attributes
    ----------
    taps : tuple of int
        Filter of up- and downsampling along each axis, symmetric and of even length, not yet normalised.
    epsilon : float
        Added to the variance in the normalisations of blocks.
    skip_scale : float
        Factor after each sum of a branch and its shortcut.
    scales_features : bool
        Whether the noise level scales and shifts the features, or shifts them only.
    projects_resampled : bool
        Whether the shortcut of a resampling block has a 1x1 convolution even if its channels stay the same.
    head_channels : int or None
        Channels of an attention head, None for a single head. A block of fewer channels has no attention.
    attends_throughout : bool
        Whether, at a resolution with attention, all blocks of the decoder attend, or the last one only.
    initial, initial_last, initial_attention, initial_augment : callable
        Initialisers: the default; for the last layer of each branch; for queries, keys and values; for the layer of the
        augmentation labels.
    """

    taps: tuple[int, ...]
    epsilon: float
    skip_scale: float
    scales_features: bool
    projects_resampled: bool
    head_channels: int | None
    attends_throughout: bool
    initial: Initialiser
    initial_last: Initialiser
    initial_attention: Initialiser
    initial_augment: Initialiser


def largest_divisor(number: int, at_most: int) -> int:
    """Return the largest divisor of `number` up to `at_most`, at least 1."""
    return next((divisor for divisor in range(at_most, 1, -1) if number % divisor == 0), 1)


def normalisation(channels: int, epsilon: float) -> nn.GroupNorm:
    """Return a group normalisation with groups of at least four channels, and at most 32 groups."""
    return nn.GroupNorm(largest_divisor(channels, min(32, channels // 4)), channels, epsilon)


def channels_last(image: Tensor) -> Tensor:
    """Return the image with the channels of a pixel side by side in memory, the fastest order for convolutions.

    It permutes dimensions because torch.func.vmap does not support memory formats.
    """
    return image.movedim(1, -1).contiguous().movedim(-1, 1)


def linear(inputs: int, outputs: int, initial: Initialiser, *, bias: bool = True) -> nn.Linear:
    """Return a fully connected layer with the given initial weights."""
    layer = nn.Linear(inputs, outputs, bias)
    initial(layer.weight, layer.bias)
    return layer


class FourierEmbedding(nn.Module):
    """Random Fourier features of the noise level (Tancik et al., 2020), as in NCSN++: sines, then cosines."""

    freqs: Tensor

    def __init__(self, channels: int, bandwidth: float = 16.0) -> None:
        super().__init__()
        self.register_buffer("freqs", torch.randn(channels // 2) * bandwidth)

    def forward(self, label: Tensor) -> Tensor:
        """Embed labels of shape (batch,) in (batch, channels)."""
        angles = torch.outer(label, 2 * math.pi * self.freqs)
        return torch.cat([angles.sin(), angles.cos()], dim=1)


class PositionalEmbedding(nn.Module):
    """Sines and cosines of geometrically spaced frequencies (Vaswani et al., 2017).

    Parameters
    ----------
    channels : int
        Size of the embedding, even.
    reaches_end : bool
        Whether the lowest frequency is 1/10,000 itself (DDPM++), or the one before it (ADM).
    sines_first : bool
        Order of the two halves.
    """

    frequencies: Tensor

    def __init__(self, channels: int, *, reaches_end: bool, sines_first: bool) -> None:
        super().__init__()
        half = channels // 2
        exponents = torch.arange(half, dtype=torch.float32) / max(half - reaches_end, 1)
        self.register_buffer("frequencies", (1 / 10_000) ** exponents, persistent=False)
        self.sines_first = sines_first

    def forward(self, label: Tensor) -> Tensor:
        """Embed labels of shape (batch,) in (batch, channels)."""
        angles = torch.outer(label, self.frequencies)
        halves = [angles.sin(), angles.cos()]
        return torch.cat(halves if self.sines_first else halves[::-1], dim=1)


class Resampling(nn.Module):
    """Halve or double the resolution of each channel with a small filter; the padding is zero."""

    resample_filter: Tensor

    def __init__(self, resampled: Resampled, taps: tuple[int, ...] = (1, 1)) -> None:
        super().__init__()
        self.resampled = resampled
        if resampled:
            row = torch.tensor(taps, dtype=torch.float32)
            row /= row.sum()
            self.register_buffer("resample_filter", torch.outer(row, row)[None, None])

    def forward(self, features: Tensor) -> Tensor:
        """Resample (batch, channels, height, width); the mean stays the same except at the edges."""
        if self.resampled is None:
            return features
        channels, size = features.shape[1], self.resample_filter.shape[-1]
        kernel = self.resample_filter.to(features.dtype).expand(channels, 1, size, size)
        if self.resampled == "down":
            return F.conv2d(features, kernel, stride=2, padding=size // 2 - 1, groups=channels)
        return F.conv_transpose2d(features, 4 * kernel, stride=2, padding=size // 2 - 1, groups=channels)


class Convolution(Resampling):
    """A convolution that keeps the resolution, after an optional resampling of its input."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        initial: Initialiser,
        resampled: Resampled = None,
        taps: tuple[int, ...] = (1, 1),
    ) -> None:
        super().__init__(resampled, taps)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs))
        initial(self.weight, self.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to (batch, outputs, ...)."""
        features = super().forward(features)
        if self.weight.shape[-1] == 1:  # one product of all pixels is faster than a convolution
            return F.linear(features.movedim(1, -1), self.weight.flatten(1), self.bias).movedim(-1, 1)
        return F.conv2d(features, self.weight, self.bias, padding=self.weight.shape[-1] // 2)


class FoldedDownsampling(Convolution):
    """A convolution and downsampling in one: a strided convolution with their combined kernel."""

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to (batch, outputs, height / 2, width / 2)."""
        size, taps = self.weight.shape[-1], self.resample_filter.shape[-1]
        kernels = F.conv2d(self.weight.reshape(-1, 1, size, size), self.resample_filter, padding=taps - 1)
        kernels = kernels.reshape(*self.weight.shape[:2], *kernels.shape[-2:])
        return F.conv2d(features, kernels, self.bias, stride=2, padding=size // 2 + taps // 2 - 1)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, conditioned on the noise level, with optional resampling and self-attention.

    This is the BigGAN block of Song et al. (2021) and of Dhariwal & Nichol (2021), depending on `style`.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    embedding : int
        Size of the embedded noise level.
    style : Style
    dropout : float
        Probability of dropping a feature before the second convolution in training.
    resampled : {"up", "down"} or None
    attention : bool
        Whether self-attention over all pixels follows.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        embedding: int,
        style: Style,
        dropout: float,
        *,
        resampled: Resampled = None,
        attention: bool = False,
    ) -> None:
        super().__init__()
        self.inputs, self.style = inputs, style
        self.norm0 = normalisation(inputs, style.epsilon)
        self.conv0 = Convolution(inputs, outputs, 3, style.initial, resampled, style.taps)
        self.affine = linear(embedding, outputs * (2 if style.scales_features else 1), style.initial)
        self.norm1 = normalisation(outputs, style.epsilon)
        self.drop = Dropout(dropout)
        self.conv1 = Convolution(outputs, outputs, 3, style.initial_last)
        self.skip: nn.Module = Resampling(resampled, style.taps)
        if inputs != outputs or (resampled and style.projects_resampled):
            self.skip = Convolution(inputs, outputs, 1, style.initial, resampled, style.taps)
        heads = outputs // (style.head_channels or outputs) if attention else 0
        self.heads = largest_divisor(outputs, heads) if heads else 0
        if self.heads:
            self.norm2 = normalisation(outputs, style.epsilon)
            self.qkv = Convolution(outputs, 3 * outputs, 1, style.initial_attention)
            self.proj = Convolution(outputs, outputs, 1, style.initial_last)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) and (batch or 1, embedding) to (batch, outputs, ...)."""
        branch = self.conv0(F.silu(self.norm0(features)))
        level = self.affine(embedding)[:, :, None, None]
        if self.style.scales_features:
            scale, shift = level.chunk(2, dim=1)
            branch = torch.addcmul(shift, self.norm1(branch), scale + 1)
        else:
            branch = self.norm1(branch + level)
        branch = self.conv1(self.drop(F.silu(branch)))
        features = (branch + self.skip(features)) * self.style.skip_scale
        return (features + self._attend(features)) * self.style.skip_scale if self.heads else features

    def _attend(self, features: Tensor) -> Tensor:
        """Return the projected average over all pixels, weighted by the softmax of query-key products."""
        joint = self.qkv(self.norm2(features)).movedim(1, -1).flatten(1, 2).unflatten(2, (self.heads, -1, 3))
        query, key, value = joint.permute(4, 0, 2, 1, 3).contiguous()  # each (batch, head, pixel, channel)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        projected: Tensor = self.proj(mixed.view(len(features), *features.shape[2:], -1).movedim(-1, 1))
        return projected
