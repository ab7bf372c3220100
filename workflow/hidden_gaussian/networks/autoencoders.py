"""Denoising autoencoders: networks for one noise level that predict the clean image itself (Li et al. Fig. 24).

Their sizes are not published. `skip` follows the paper's description (convolutions, batch normalisation, leaky ReLU,
skip convolutions) with the widths and depths of the U-Net's settings. `dit` is DiT-S at scale 128 with four blocks.
`linear` depends on the image's size only. The noise label of all is sigma itself.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hidden_gaussian.networks.blocks import PositionalEmbedding, glorot, largest_divisor, linear, zeros
from hidden_gaussian.networks.unet import Layout

LEAK = 0.2  # of the leaky ReLU
TOKENS = 16  # patches along a side, at most
WAVES = 256  # size of the embedded noise level


def unit(image: Tensor, label: Tensor) -> Tensor:
    """Return noisy images divided by sqrt(1 + sigma^2), a constant at one noise level."""
    return image / (1 + label.reshape(-1, 1, 1, 1) ** 2).sqrt()


def normed(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution with batch normalisation and leaky ReLU."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(LEAK))


class SkipNet(nn.Module):
    """A plain encoder and decoder with a 1x1 convolution on each skip connection, without a noise label.

    Parameters
    ----------
    layout : Layout
        Each level halves the resolution and has `blocks` convolutions in encoder and decoder. With a microbatch, batch
        normalisation uses the statistics of the microbatch.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        widths = [width for _, width in layout.levels]
        self.encoder, self.skips, self.decoder = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        features = layout.channels
        for level, width in enumerate(widths):
            first = normed(features, width, 3, stride=2 if level else 1)
            self.encoder.append(nn.Sequential(first, *(normed(width, width, 3) for _ in range(layout.blocks - 1))))
            features = width
        for width in reversed(widths[:-1]):
            self.skips.append(normed(width, width, 1))
            first = normed(features + width, width, 3)
            self.decoder.append(nn.Sequential(first, *(normed(width, width, 3) for _ in range(layout.blocks - 1))))
            features = width
        self.last = nn.Conv2d(features, layout.channels, 1)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Map noisy images to clean ones of the same shape; `label` is not used."""
        skips, features = list[Tensor](), image
        for stage in self.encoder:
            features = stage(features)
            skips.append(features)
        for skip, stage, finer in zip(self.skips, self.decoder, reversed(skips[:-1]), strict=True):
            features = stage(torch.cat([F.interpolate(features, scale_factor=2.0), skip(finer)], dim=1))
        output: Tensor = self.last(features)
        return output


class TransformerBlock(nn.Module):
    """Self-attention and a perceptron whose shift, scale and gate depend on the noise level (adaLN-Zero of DiT)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = linear(width, 3 * width, glorot())
        self.proj = linear(width, width, glorot())
        self.widen = linear(width, 4 * width, glorot())
        self.narrow = linear(4 * width, width, glorot())
        self.modulation = linear(width, 6 * width, zeros)

    def forward(self, tokens: Tensor, condition: Tensor) -> Tensor:
        """Map tokens (batch, positions, width) with a condition (batch or 1, width) to tokens."""
        shift, scale, gate, shift2, scale2, gate2 = self.modulation(F.silu(condition))[:, None].chunk(6, dim=-1)
        tokens = tokens + gate * self._attend(modulated(tokens, shift, scale))
        hidden = F.gelu(self.widen(modulated(tokens, shift2, scale2)), approximate="tanh")
        mapped: Tensor = tokens + gate2 * self.narrow(hidden)
        return mapped

    def _attend(self, tokens: Tensor) -> Tensor:
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)  # (batch, head, position, channel)
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


def modulated(tokens: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Return normalised tokens, scaled by 1 + scale and shifted."""
    return torch.addcmul(shift, F.layer_norm(tokens, tokens.shape[-1:], eps=1e-6), scale + 1)


def positions(side: int, width: int) -> Tensor:
    """Return sines and cosines of row and column for side x side positions, of shape (side^2, width)."""
    half = width // 2
    embed = PositionalEmbedding(half, reaches_end=False, sines_first=True)(torch.arange(side, dtype=torch.float32))
    rows, columns = embed.repeat_interleave(side, 0), embed.repeat(side, 1)
    return F.pad(torch.cat([columns, rows], dim=1), (0, width - 2 * embed.shape[1]))


class DiT(nn.Module):
    """The diffusion transformer of Peebles & Xie (2023) on pixels.

    It has 3 * `scale` channels, 3 * `blocks` layers and 64 channels for each attention head.

    Parameters
    ----------
    layout : Layout
        Patches are as small as possible with at most 16 along a side. `channel_mult`, `attention_resolutions` and
        `dropout` are not used.
    """

    embedding: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        width = 3 * layout.scale
        self.side = largest_divisor(layout.resolution, TOKENS)
        self.patch = layout.resolution // self.side
        pixels = layout.channels * self.patch**2
        self.stem = linear(pixels, width, glorot())
        self.register_buffer("embedding", positions(self.side, width), persistent=False)
        self.map_noise = PositionalEmbedding(WAVES, reaches_end=False, sines_first=False)
        self.map_layer0, self.map_layer1 = linear(WAVES, width, glorot()), linear(width, width, glorot())
        heads = largest_divisor(width, max(width // 64, 1))
        self.blocks = nn.ModuleList(TransformerBlock(width, heads) for _ in range(3 * layout.blocks))
        self.modulation = linear(width, 2 * width, zeros)
        self.last = linear(width, pixels, zeros)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Map noisy images (batch, channels, height, width) and sigma (batch or 1,) to clean images."""
        tokens = F.pixel_unshuffle(unit(image, label), self.patch).flatten(2).transpose(1, 2)
        tokens = self.stem(tokens) + self.embedding
        condition = self.map_layer1(F.silu(self.map_layer0(self.map_noise(label))))
        for block in self.blocks:
            tokens = block(tokens, condition)
        shift, scale = self.modulation(F.silu(condition))[:, None].chunk(2, dim=-1)
        pixels = self.last(modulated(tokens, shift, scale)).transpose(1, 2)
        return F.pixel_shuffle(pixels.unflatten(2, (self.side, self.side)), self.patch)


class AffineNet(nn.Module):
    """x -> W x + b with a full matrix; the Gaussian denoiser is the best of these maps (Li et al. Theorem 1).

    The weights are W sqrt(1 + sigma^2), so that an optimiser's step changes the output equally at every level. They
    start at zero.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        pixels = layout.channels * layout.resolution**2
        self.affine = linear(pixels, pixels, zeros)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Map noisy images (batch, channels, height, width) and sigma (batch or 1,) to clean images."""
        output: Tensor = self.affine(unit(image, label).flatten(1)).reshape(image.shape)
        return output
