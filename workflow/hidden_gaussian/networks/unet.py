"""The common part of all U-Nets: an encoder and a decoder of residual blocks, joined by skip connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hidden_gaussian.errors import InputError
from hidden_gaussian.networks.blocks import (
    Convolution,
    FoldedDownsampling,
    Resampled,
    ResidualBlock,
    Style,
    channels_last,
    linear,
)


@dataclass(frozen=True)
class Layout:
    """The size of a network of any architecture.

    Attributes
    ----------
    resolution : int
        Pixels a side, divisible by 2 for each level but the first.
    channels : int
        Colours of an image: 3 or 1.
    scale : int
        Base number of channels, even.
    channel_mult : sequence of int
        Channels of each level, finest first, in units of `scale`.
    blocks : int
        Residual blocks in each level of the encoder; the decoder has one more.
    attention_resolutions : sequence of int
        Resolutions with self-attention.
    dropout : float
        Probability of dropping a feature in training.
    augment_dim : int
        Number of augmentation labels, or 0.

    Raises
    ------
    InputError
        If `channel_mult` is empty or too long for the resolution, or the scale is odd.
    """

    resolution: int
    channels: int
    scale: int
    channel_mult: Sequence[int]
    blocks: int
    attention_resolutions: Sequence[int]
    dropout: float
    augment_dim: int

    def __post_init__(self) -> None:
        levels = len(self.channel_mult)
        if levels == 0:
            raise InputError("network.channel_mult is empty; give one factor for each resolution")
        if self.resolution % 2 ** (levels - 1):
            raise InputError(
                f"network.channel_mult has {levels} levels, but the resolution {self.resolution} is not "
                f"divisible by {2 ** (levels - 1)}; give fewer factors or another resolution"
            )
        if self.scale < 2 or self.scale % 2:
            raise InputError(f"scale is {self.scale}; give an even number of at least 2")

    @property
    def levels(self) -> list[tuple[int, int]]:
        """Resolution and channels of each level, finest first."""
        factors = enumerate(self.channel_mult)
        return [(self.resolution >> level, self.scale * factor) for level, factor in factors]


class UNet(nn.Module):
    """The raw network F of Karras et al. (2022), without preconditioning.

    The encoder halves the resolution from level to level, and the decoder doubles it again. Each block of the decoder
    also takes the output of a layer of the encoder, last first. The noise label enters every block.

    Parameters
    ----------
    layout : Layout
    style : Style
        What its blocks share.
    map_noise : Module
        Embeds the noise label.
    waves : int
        Channels of the embedding.
    stem : int
        Channels after the first convolution.
    sees_image : bool
        Whether each level of the encoder adds the convolved and downsampled features of the level above, starting from
        the image ("residual" progressive input of Song et al. 2021).
    """

    def __init__(
        self, layout: Layout, style: Style, map_noise: nn.Module, *, waves: int, stem: int, sees_image: bool
    ) -> None:
        super().__init__()
        self.layout, self.style, self.width = layout, style, 4 * layout.scale
        self.map_noise = map_noise
        labels = layout.augment_dim
        self.map_augment = linear(labels, waves, style.initial_augment, bias=False) if labels else None
        self.map_layer0 = linear(waves, self.width, style.initial)
        self.map_layer1 = linear(self.width, self.width, style.initial)
        self.enc, skips = self._encoder(stem, sees_image)
        self.dec = self._decoder(skips)

    def forward(self, image: Tensor, label: Tensor, augment_labels: Tensor | None = None) -> Tensor:
        """Map images to the raw output, which a parametrisation turns into an estimate.

        Parameters
        ----------
        image : Tensor of shape (batch, channels, height, width)
        label : Tensor of shape (batch,) or (1,)
            Noise label of the parametrisation: ln(sigma) / 4, ln(sigma / 2) or sigma.
        augment_labels : Tensor of shape (batch, augment_dim), optional
            How each image was augmented; zeros, the default, mean not at all.
        """
        embedding = self.embed(label, augment_labels)
        image = channels_last(image)
        features, skips = image, list[Tensor]()
        for layer in self.enc.values():
            if isinstance(layer, FoldedDownsampling):
                skips[-1] = features = image = (features + layer(image)) * self.style.skip_scale
            else:
                features = layer(features, embedding) if isinstance(layer, ResidualBlock) else layer(features)
                skips.append(features)
        for layer in self.dec.values():
            if isinstance(layer, ResidualBlock):
                if layer.inputs > features.shape[1]:
                    features = torch.cat([features, skips.pop()], dim=1)
                features = layer(features, embedding)
        norm, conv = self.head()
        output: Tensor = conv(F.silu(norm(features)))
        return output

    def embed(self, label: Tensor, augment_labels: Tensor | None) -> Tensor:
        """Return the embedding (batch or 1, 4 scale) of noise label and augmentation."""
        embedding = self.map_noise(label)
        if augment_labels is not None:
            if self.map_augment is None:
                raise InputError("network.augment_dim is 0, but there are augmentation labels; set it to 9")
            embedding = embedding + self.map_augment(augment_labels.to(embedding.dtype))
        return F.silu(self.map_layer1(F.silu(self.map_layer0(embedding))))

    def head(self) -> tuple[nn.Module, nn.Module]:
        """Return the last normalisation and the last convolution."""
        raise NotImplementedError

    def _block(
        self, inputs: int, outputs: int, *, resampled: Resampled = None, attention: bool = False
    ) -> ResidualBlock:
        sizes, dropout = (inputs, outputs, self.width), self.layout.dropout
        return ResidualBlock(*sizes, self.style, dropout, resampled=resampled, attention=attention)

    def _encoder(self, stem: int, sees_image: bool) -> tuple[nn.ModuleDict, list[int]]:
        """Return the layers of the encoder, and the channels of their outputs for the decoder."""
        layout, style, layers = self.layout, self.style, nn.ModuleDict()
        skips, image = [stem], layout.channels
        for level, (size, width) in enumerate(layout.levels):
            name, inputs = f"{size}x{size}", skips[-1]
            if level == 0:
                layers[f"{name}_conv"] = Convolution(image, inputs, 3, style.initial)
            else:
                layers[f"{name}_down"] = self._block(inputs, inputs, resampled="down")
                skips.append(inputs)
            if level and sees_image:
                downsampled = FoldedDownsampling(image, inputs, 3, style.initial, "down", style.taps)
                layers[f"{name}_aux_residual"], image = downsampled, inputs
            for index in range(layout.blocks):
                attention = size in layout.attention_resolutions
                layers[f"{name}_block{index}"] = self._block(skips[-1], width, attention=attention)
                skips.append(width)
        return layers, skips

    def _decoder(self, skips: list[int]) -> nn.ModuleDict:
        """Return the layers of the decoder, coarsest first; each block takes the last of the `skips` left."""
        layout, layers, features, skips = self.layout, nn.ModuleDict(), skips[-1], list(skips)
        for level, (size, width) in enumerate(reversed(layout.levels)):
            name = f"{size}x{size}"
            if level == 0:
                layers[f"{name}_in0"] = self._block(features, features, attention=True)
                layers[f"{name}_in1"] = self._block(features, features)
            else:
                layers[f"{name}_up"] = self._block(features, features, resampled="up")
            for index in range(layout.blocks + 1):
                attention = size in layout.attention_resolutions
                attention &= self.style.attends_throughout or index == layout.blocks
                inputs, features = features + skips.pop(), width
                layers[f"{name}_block{index}"] = self._block(inputs, width, attention=attention)
        return layers
