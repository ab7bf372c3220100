"""Parametrisations against the formulas in float64."""

import pytest
import torch

from hidden_gaussian import networks
from hidden_gaussian.networks.preconditioning import Direct, VarianceExploding
from toy_networks import noisy_images


@torch.no_grad()
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (VarianceExploding, lambda noisy, sigma: noisy + sigma * (3 * noisy + torch.log(sigma / 2))),
        (Direct, lambda noisy, sigma: 3 * noisy + sigma),
    ],
)
def test_other_parametrisations_in_float64(kind, expected):
    network = kind(torch.nn.Identity(), 0.4, {})
    network.model.forward = lambda image, label, labels=None: 3 * image + label.reshape(-1, 1, 1, 1)
    noisy, sigma = noisy_images(2, 1, 4, 4).double(), torch.tensor([0.3, 3.0]).double()
    torch.testing.assert_close(network(noisy, sigma), expected(noisy, sigma[:, None, None, None]))


@torch.no_grad()
def test_preconditioning_in_float64():
    calls = []

    def model(image, label, augment_labels):
        calls.append((image, label, augment_labels))
        return torch.ones_like(image)

    network = networks.Preconditioned(torch.nn.Identity(), 0.4, {})
    network.model.forward = model
    noisy = noisy_images(2, 1, 4, 4).double()
    estimate = network(noisy, torch.tensor([0.3, 3.0]))
    for image, sigma, found in zip(noisy, (0.3, 3.0), estimate, strict=True):
        root = (sigma**2 + 0.16) ** 0.5
        torch.testing.assert_close(found, 0.16 / root**2 * image + sigma * 0.4 / root, rtol=1e-6, atol=1e-6)
    assert estimate.dtype == torch.float64
    torch.testing.assert_close(calls[0][1], torch.tensor([0.3, 3.0]).double().log() / 4)
    torch.testing.assert_close(calls[0][0][0], noisy[0] / 0.5, rtol=1e-6, atol=1e-6)
