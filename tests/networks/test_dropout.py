"""Dropout: its distribution, independence of the other images of a batch, and use in training only."""

import pytest
import torch

from hidden_gaussian.networks.blocks import ResidualBlock
from hidden_gaussian.networks.dropout import Dropout
from hidden_gaussian.training import batches
from toy_images import PIXELS
from toy_networks import alive, build, noisy_images
from toy_training import recipe


def test_dropout_has_its_distribution_and_ignores_other_images():
    layer, features = Dropout(0.3).train(), torch.ones(2000, 3, 4, 5)
    layer.keys = batches.draw(PIXELS, 0, recipe(batch=2000), 1, torch.device("cpu"), layers=1).keys[:, 0]
    dropped_out = layer(features)
    assert sorted(set(dropped_out.flatten().tolist())) == pytest.approx([0, 1 / 0.7])
    dropped = (dropped_out == 0).flatten(1).double()
    assert dropped.mean(0).numpy() == pytest.approx(0.3, abs=5 * (0.21 / 2000) ** 0.5)
    assert dropped.mean(1).std().item() == pytest.approx((0.21 / 60) ** 0.5, rel=0.1)
    for rows in (dropped, dropped.T[:, :60]):
        correlation = torch.corrcoef(rows.T) - torch.eye(60, dtype=torch.float64)
        assert correlation.square().sum(1).mean().item() == pytest.approx(59 / len(rows), rel=0.35)
    layer.keys = layer.keys[[7, 3]]
    assert torch.equal(layer(features[:2]), dropped_out[[7, 3]])


@torch.no_grad()
def test_dropout_is_used_in_training_only():
    network = alive(build(dropout=0.5))
    noisy = noisy_images(2, 3, 16, 16)
    assert torch.equal(network(noisy, 1.0), network(noisy, 1.0))
    network.train()
    assert not torch.equal(network(noisy, 1.0), network(noisy, 1.0))


def test_features_are_dropped_before_the_second_convolution():
    network, order = build("ve").train(), []
    block = next(layer for layer in network.modules() if isinstance(layer, ResidualBlock))
    for name in ("conv0", "norm1", "drop", "conv1"):
        getattr(block, name).register_forward_hook(lambda *_, name=name: order.append(name))
    network(torch.randn(1, 3, 16, 16), torch.ones(1))
    assert order == ["conv0", "norm1", "drop", "conv1"]
