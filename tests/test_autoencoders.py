"""Autoencoders: the transformer against its formulas and published size, and what the others are told."""

import pytest
import torch
from toy_networks import alive, build, noisy_images

from hidden_gaussian.errors import InputError


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
def test_patches_of_the_transformer_are_put_back_in_place():
    """A new transformer has its gates shut: a pixel reaches its own patch, and no other."""
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
def test_a_linear_autoencoder_is_affine_and_the_skip_net_is_not_told_the_level():
    linear = alive(build("dae-linear", resolution=8, channels=1, augment_dim=0)).double()
    first, second = noisy_images(2, 1, 1, 8, 8).double()
    between = linear(0.3 * first + 0.7 * second, 2.0)
    torch.testing.assert_close(between, 0.3 * linear(first, 2.0) + 0.7 * linear(second, 2.0))
    assert sum(weight.numel() for weight in linear.parameters()) == 64 * 64 + 64
    skip = alive(build("dae-skip", resolution=8, channels=1, augment_dim=0))
    assert torch.equal(skip(first.float(), 2.0), skip(first.float(), 3.0))
