"""NCSN++ (`ve`) and DDPM++ (`vp`) of Song et al. (2021), as configured by Karras et al. (2022)."""

from __future__ import annotations

from math import sqrt

from torch import nn

from hidden_gaussian.networks.blocks import (
    Convolution,
    FourierEmbedding,
    PositionalEmbedding,
    Style,
    glorot,
    normalisation,
)
from hidden_gaussian.networks.unet import Layout, UNet


def song_style(taps: tuple[int, ...]) -> Style:
    """Return the blocks of Song et al.: each sum is divided by sqrt(2), and attention has one head."""
    return Style(
        taps=taps,
        epsilon=1e-6,
        skip_scale=sqrt(0.5),
        scales_features=False,
        projects_resampled=True,
        head_channels=None,
        attends_throughout=False,
        initial=glorot(),
        initial_last=glorot(1e-5),
        initial_attention=glorot(sqrt(0.2)),
        initial_augment=glorot(),
    )


class SongUNet(UNet):
    """A U-Net whose output layers are part of the finest level of the decoder."""

    def __init__(
        self, layout: Layout, style: Style, map_noise: nn.Module, *, waves: int, stem: int, sees_image: bool
    ) -> None:
        super().__init__(layout, style, map_noise, waves=waves, stem=stem, sees_image=sees_image)
        size, width = layout.levels[0]
        self.dec[f"{size}x{size}_aux_norm"] = normalisation(width, style.epsilon)
        self.dec[f"{size}x{size}_aux_conv"] = Convolution(width, layout.channels, 3, style.initial_last)

    def head(self) -> tuple[nn.Module, nn.Module]:
        """Return the last normalisation and the last convolution."""
        size = self.layout.resolution
        return self.dec[f"{size}x{size}_aux_norm"], self.dec[f"{size}x{size}_aux_conv"]


def ve(layout: Layout) -> SongUNet:
    """Return NCSN++: random Fourier features of the noise level, a wide filter, the image as input at each level."""
    waves = 2 * layout.scale
    noise = FourierEmbedding(waves)
    return SongUNet(layout, song_style((1, 3, 3, 1)), noise, waves=waves, stem=layout.scale, sees_image=True)


def vp(layout: Layout) -> SongUNet:
    """Return DDPM++: positional embedding of the noise level, and averages of 2x2 pixels."""
    waves = layout.scale
    noise = PositionalEmbedding(waves, reaches_end=True, sines_first=True)
    return SongUNet(layout, song_style((1, 1)), noise, waves=waves, stem=layout.scale, sees_image=False)
