"""The same networks and training step in plain code, for comparison."""

from __future__ import annotations

import copy
from types import MethodType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hidden_gaussian.networks import Preconditioned
from hidden_gaussian.networks.blocks import Convolution, FoldedDownsampling, Resampling, ResidualBlock


def network(preconditioned: Preconditioned) -> Preconditioned:
    """Return a copy with the same weights and layers in plain code.

    Convolutions and resampling are library calls on contiguous tensors; attention is two products with a softmax
    between them.
    """
    plain = copy.deepcopy(preconditioned)
    for layer in plain.modules():
        if isinstance(layer, ResidualBlock):
            layer._attend = MethodType(attend, layer)  # type: ignore[method-assign]
        elif isinstance(layer, FoldedDownsampling):
            layer.forward = MethodType(downsampled, layer)  # type: ignore[method-assign]
        elif isinstance(layer, Convolution):
            layer.forward = MethodType(convolved, layer)  # type: ignore[method-assign]
        elif isinstance(layer, Resampling):
            layer.forward = MethodType(resampled, layer)  # type: ignore[method-assign]
    return plain


def resampled(layer: Resampling, features: Tensor) -> Tensor:
    """Resample by a depthwise convolution."""
    if layer.resampled is None:
        return features
    channels, size = features.shape[1], layer.resample_filter.shape[-1]
    kernel = layer.resample_filter.repeat(channels, 1, 1, 1)
    if layer.resampled == "down":
        return F.conv2d(features, kernel, stride=2, padding=size // 2 - 1, groups=channels)
    return F.conv_transpose2d(features, 4 * kernel, stride=2, padding=size // 2 - 1, groups=channels)


def convolved(layer: Convolution, features: Tensor) -> Tensor:
    """Resample, then convolve, in the usual memory layout; the network uses a faster one."""
    return F.conv2d(
        resampled(layer, features.contiguous()), layer.weight, layer.bias, padding=layer.weight.shape[-1] // 2
    )


def downsampled(layer: FoldedDownsampling, features: Tensor) -> Tensor:
    """Convolve beyond the edge, then downsample."""
    channels, taps = layer.weight.shape[0], layer.resample_filter.shape[-1]
    padding = layer.weight.shape[-1] // 2 + taps // 2 - 1
    kernel = layer.resample_filter.repeat(channels, 1, 1, 1)
    wide = F.conv2d(features.contiguous(), layer.weight, padding=padding)
    return F.conv2d(wide, kernel, layer.bias, stride=2, groups=channels)


def attend(block: ResidualBlock, features: Tensor) -> Tensor:
    """Attend by two matrix products."""
    joint = block.qkv(block.norm2(features)).unflatten(1, (block.heads, -1, 3)).flatten(4)
    query, key, value = joint.unbind(3)
    scores = torch.einsum("bhcq,bhck->bhqk", query, key) / query.shape[2] ** 0.5
    mixed = torch.einsum("bhqk,bhck->bhcq", scores.softmax(3), value)
    projected: Tensor = block.proj(mixed.reshape(features.shape))
    return projected


class Step:
    """One training step: loss, backward, gradient clean-up, Adam, moving average, tensor by tensor.

    Parameters
    ----------
    net : Module
        Called as net(noisy, sigma).
    sigma_data : float
    """

    def __init__(self, net: nn.Module, sigma_data: float) -> None:
        self.net, self.sigma_data = net.train(), sigma_data
        self.ema = copy.deepcopy(net).eval().requires_grad_(False)
        self.optimiser = torch.optim.Adam(net.parameters(), lr=1e-4, foreach=False, fused=False)

    def __call__(self, clean: Tensor) -> None:
        """Train on one batch of images in [-1, 1]."""
        sigma = (torch.randn(len(clean), 1, 1, 1) * 1.2 - 1.2).exp()
        weight = (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2
        denoised = self.net(clean + sigma * torch.randn_like(clean), sigma.flatten())
        loss = (weight * (denoised - clean) ** 2).sum() / len(clean)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for parameter in self.net.parameters():
            if parameter.grad is not None:
                torch.nan_to_num(parameter.grad, nan=0.0, posinf=1e5, neginf=-1e5, out=parameter.grad)
        self.optimiser.step()
        with torch.no_grad():
            for average, parameter in zip(self.ema.parameters(), self.net.parameters(), strict=True):
                average.copy_(parameter.lerp(average, 0.999))
