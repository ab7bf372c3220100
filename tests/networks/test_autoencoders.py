"""Autoencoders: the transformer against its formulas and published size; inputs of the other networks."""

import math

import pytest
import torch

from hidden_gaussian.errors import InputError
from toy_networks import alive, build, noisy_images, without_effect


def test_autoencoders_take_no_labels():
    with pytest.raises(InputError, match=r"training\.augment"):
        build("dae-skip", augment_dim=0)(torch.zeros(1, 3, 16, 16), 1.0, torch.zeros(1, 9))


@pytest.mark.parametrize(("blocks", "layers"), [(4, 12), (1, 3)])
def test_the_transformer_has_the_published_size(blocks, layers):
    """DiT-S: 12 layers of width 384; counted layer by layer, with our patches and without classes of images."""
    network = build("dae-dit", resolution=32, channels=3, scale=128, blocks=blocks, augment_dim=0)
    width, pixels = 384, 3 * 2 * 2
    attention = 3 * width**2 + 3 * width + width**2 + width
    perceptron = 2 * 4 * width**2 + 5 * width
    layer = attention + perceptron + 6 * width**2 + 6 * width
    noise = 256 * width + width + width**2 + width
    ends = (pixels * width + width) + (2 * width**2 + 2 * width) + (width * pixels + pixels)
    assert sum(weight.numel() for weight in network.parameters()) == layers * layer + noise + ends
    assert network.model.side == 16
    assert network.model.blocks[0].heads == 6


@torch.no_grad()
def test_attention_of_the_transformer_in_float64():
    """One layer against the formulas, written out a head and a token at a time."""
    block = build("dae-dit", resolution=4, channels=1, scale=64, blocks=1, augment_dim=0).double().model.blocks[0]
    generator = torch.Generator().manual_seed(0)
    for weight in block.parameters():
        weight.copy_(torch.randn(weight.shape, generator=generator).double() / 14)
    tokens = torch.randn(1, 5, 192, generator=generator).double()
    query, key, value = (part.reshape(5, 3, 64) for part in block.qkv(tokens)[0].split(192, dim=-1))
    mixed = torch.empty(5, 3, 64).double()
    for token in range(5):
        for head in range(3):
            scores = torch.stack([query[token, head] @ key[other, head] / 8 for other in range(5)])
            mixed[token, head] = scores.softmax(0) @ value[:, head]
    torch.testing.assert_close(block._attend(tokens)[0], block.proj(mixed.reshape(5, 192)))


@torch.no_grad()
def test_the_transformer_around_its_attention_in_float64():
    """Each branch of a layer has its own shift, scale and gate, which depend on the noise level."""
    model = alive(build("dae-dit", resolution=4, channels=1, scale=64, blocks=1, augment_dim=0)).double().model
    image, sigma = noisy_images(2, 1, 4, 4).double(), torch.tensor([0.5, 3.0]).double()

    def silu(x):
        return x * x.sigmoid()

    def modulated(x, shift, scale):
        away = x - x.mean(-1, keepdim=True)
        return away / (away.square().mean(-1, keepdim=True) + 1e-6).sqrt() * (1 + scale) + shift

    def parts(layer):
        return layer.modulation(silu(condition))[:, None].split(192, -1)

    tokens = model.stem((image / (1 + sigma**2).sqrt()[:, None, None, None]).reshape(2, 16, 1)) + model.embedding
    angles = sigma[:, None] * 10_000 ** (-torch.arange(128).double() / 128)
    condition = model.map_layer1(silu(model.map_layer0(torch.cat([angles.cos(), angles.sin()], 1))))
    for block in model.blocks:
        shift, scale, gate, shift2, scale2, gate2 = parts(block)
        tokens = tokens + gate * block._attend(modulated(tokens, shift, scale))
        hidden = block.widen(modulated(tokens, shift2, scale2))
        hidden = hidden / 2 * (1 + torch.tanh((2 / math.pi) ** 0.5 * (hidden + 0.044715 * hidden**3)))
        tokens = tokens + gate2 * block.narrow(hidden)
    expected = model.last(modulated(tokens, *parts(model))).reshape(2, 1, 4, 4)
    torch.testing.assert_close(model(image, sigma), expected, rtol=1e-5, atol=1e-6)


def test_positions_of_the_transformer_are_waves_of_column_and_row():
    embedding = build("dae-dit", resolution=4, channels=1, scale=64, blocks=1, augment_dim=0).model.embedding
    angles = torch.arange(4)[:, None] * 10_000 ** (-torch.arange(48) / 48)
    along = torch.cat([angles.sin(), angles.cos()], 1)
    expected = torch.stack([torch.cat([along[column], along[row]]) for row in range(4) for column in range(4)])
    torch.testing.assert_close(embedding, expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_patches_of_the_transformer_return_to_their_positions():
    """The gates of a new transformer are zero: a pixel reaches its own patch only."""
    network = build("dae-dit", resolution=32, channels=3, scale=4, blocks=1, augment_dim=0)
    network.model.last.weight.copy_(noisy_images(*network.model.last.weight.shape))
    image = noisy_images(1, 3, 32, 32)
    before = network(image, 1.0)
    for channel, row, column in [(0, 5, 9), (2, 31, 30), (1, 0, 17)]:
        changed = image.clone()
        changed[0, channel, row, column] += 1
        touched = (network(changed, 1.0) != before)[0].any(0).nonzero()
        top, left = row // 2 * 2, column // 2 * 2
        assert touched.tolist() == [[top, left], [top, left + 1], [top + 1, left], [top + 1, left + 1]]


@torch.no_grad()
def test_a_linear_autoencoder_is_affine_and_the_skip_net_ignores_the_level():
    linear = alive(build("dae-linear", resolution=8, channels=1, augment_dim=0)).double()
    first, second = noisy_images(2, 1, 1, 8, 8).double()
    between = linear(0.3 * first + 0.7 * second, 2.0)
    torch.testing.assert_close(between, 0.3 * linear(first, 2.0) + 0.7 * linear(second, 2.0))
    assert sum(weight.numel() for weight in linear.parameters()) == 64 * 64 + 64
    skip = alive(build("dae-skip", resolution=8, channels=1, augment_dim=0))
    assert torch.equal(skip(first.float(), 2.0), skip(first.float(), 3.0))


def test_every_parameter_of_the_skip_net_reaches_the_output():
    assert without_effect(alive(build("dae-skip", resolution=8, augment_dim=0)), noisy_images(2, 3, 8, 8)) == []
