"""ADM (`adm`) of Dhariwal & Nichol (2021), as configured by Karras et al. (2022)."""

from __future__ import annotations

from torch import nn

from hidden_gaussian.networks.blocks import Convolution, PositionalEmbedding, Style, by_inputs, normalisation, zeros
from hidden_gaussian.networks.unet import Layout, UNet

STYLE = Style(
    taps=(1, 1),
    epsilon=1e-5,
    skip_scale=1.0,
    scales_features=True,
    projects_resampled=False,
    head_channels=64,
    attends_throughout=True,
    initial=by_inputs,
    initial_last=zeros,
    initial_attention=by_inputs,
    initial_augment=zeros,
)


class DhariwalUNet(UNet):
    """A U-Net in which the noise level scales and shifts the features, with 64 channels for each attention head.

    As in the published network, blocks of fewer than 64 channels have no attention.
    """

    def __init__(self, layout: Layout) -> None:
        width = layout.levels[0][1]
        noise = PositionalEmbedding(layout.scale, reaches_end=False, sines_first=False)
        super().__init__(layout, STYLE, noise, waves=layout.scale, stem=width, sees_image=False)
        self.out_norm = normalisation(width, STYLE.epsilon)
        self.out_conv = Convolution(width, layout.channels, 3, STYLE.initial_last)

    def head(self) -> tuple[nn.Module, nn.Module]:
        """Return the last normalisation and the last convolution."""
        return self.out_norm, self.out_conv
