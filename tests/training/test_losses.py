"""Losses and the distributions of noise levels against the formulas, in float64."""

import numpy as np
import pytest
import torch

from hidden_gaussian.training import batches, losses
from hidden_gaussian.training.batches import Batch
from toy_training import Gain, recipe

RECIPE = recipe()


def test_the_edm_loss_equals_its_formula():
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 5, 1, 4, 4, generator=generator).double()
    sigma = torch.tensor([0.01, 0.3, 1.0, 5.0, 80.0]).double()
    found = losses.edm_loss(Gain(0.25).double(), Batch(clean, noise, sigma, None), 0.5)
    for image, eps, level, loss in zip(clean.numpy(), noise.numpy(), sigma.tolist(), found.tolist(), strict=True):
        error = 0.25 * (image + level * eps) - image
        assert loss == pytest.approx((level**2 + 0.25) / (level * 0.5) ** 2 * (error**2).sum(), rel=1e-6)


def test_objectives_have_their_losses_and_distributions_of_noise_levels():
    normal = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    logs = losses.log_uniform(normal, RECIPE).log()
    assert logs.min() > np.log(0.02)
    assert logs.max() < np.log(100)
    quartiles = np.log(0.02) + np.log(100 / 0.02) * np.array([0.25, 0.5, 0.75])
    np.testing.assert_allclose(np.quantile(logs.numpy(), [0.25, 0.5, 0.75]), quartiles, atol=0.1)
    clean, noise = torch.randn(2, 3, 1, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    sigma = torch.tensor([0.1, 1.0, 50.0]).double()
    batch = batches.Batch(clean, noise, sigma, None)

    def halve(noisy, sigma, labels):
        return noisy / 2

    for image, eps, level, plain, ve in zip(
        clean,
        noise,
        sigma,
        losses.plain_loss(halve, batch, 0.5),
        losses.ve_loss(halve, batch, 0.5),
        strict=True,
    ):
        error = ((image + level * eps) / 2 - image).square().sum()
        torch.testing.assert_close(plain, error)
        torch.testing.assert_close(ve, error / level**2)
    assert losses.objective_of("ve-baseline") == (losses.log_uniform, losses.ve_loss)
    assert losses.objective_of("vp") == (batches.log_normal, losses.edm_loss)


def test_the_network_gets_the_noise_levels_and_the_labels():
    calls = []

    def network(noisy, sigma, labels):
        calls.append((sigma, labels))
        return noisy

    clean = torch.zeros(2, 1, 4, 4)
    batch = Batch(clean, clean, torch.tensor([0.5, 2.0]), torch.ones(2, 9))
    for loss in (losses.edm_loss, losses.ve_loss, losses.plain_loss):
        loss(network, batch, 0.5)
    assert len(calls) == 3
    assert all(sigma is batch.sigma and labels is batch.labels for sigma, labels in calls)
