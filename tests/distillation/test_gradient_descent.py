"""The paper's descent: its recipe against a plain loop, its limit against least squares."""

import math

import numpy as np
import pytest
import torch

from hidden_gaussian import noise, spectrum
from hidden_gaussian.denoisers import GaussianDenoiser
from hidden_gaussian.distillation import gradient_descent
from hidden_gaussian.distillation.exact import Fit
from hidden_gaussian.settings import Adam

CLEAN = torch.randn(40, 1, 2, 3, generator=torch.Generator().manual_seed(0))


def test_step_sizes_are_the_papers_at_its_levels() -> None:
    rates = [gradient_descent.learning_rate(float(sigma)) for sigma in noise.schedule(10)]
    assert rates == [5e-5] * 5 + [5e-4] * 2 + [5e-3] + [5e-2] * 2
    assert gradient_descent.learning_rate(0.25) == 5e-4  # 0.47 is 1.9 times it, and it is 2.1 times 0.117


def test_epochs_looked_at() -> None:
    assert gradient_descent.recorded_epochs(100) == [0, 1, 2, 5, *range(10, 101, 10)]
    assert gradient_descent.recorded_epochs(3) == [0, 1, 2, 3]


def test_follows_the_recipe_step_by_step() -> None:
    """Adam written out: weights on y / sqrt(d), bias unscaled, images in order, fresh noise in each epoch."""
    fit, sigma = Fit(CLEAN, 1, 3, "descent"), 0.5
    found = {
        item.epoch: (item.weight.clone(), item.bias)
        for item in gradient_descent.fit_by_epochs(
            lambda noisy, sigma: noisy.tanh(), fit, sigma, Adam(epochs=2, batch=16, learning_rate=0.01)
        )
    }
    weight, bias = torch.zeros(6, 6, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)
    moments = [[torch.zeros_like(value) for _ in range(2)] for value in (weight, bias)]
    step = 0
    for epoch in range(2):
        for start in (0, 16, 32):
            pairs = range(epoch * 40 + start, epoch * 40 + min(start + 16, 40))
            unit = noise.noise_for(pairs, CLEAN.shape[1:], seed=3, purpose="descent")
            y = (CLEAN[[pair % 40 for pair in pairs]] + sigma * unit).double().flatten(1)
            error = (y / math.sqrt(6)) @ weight.T + bias - y.tanh()
            gradients = 2 * error.T @ y / math.sqrt(6) / error.numel(), 2 * error.sum(0) / error.numel()
            step += 1
            for value, gradient, (first, second) in zip((weight, bias), gradients, moments, strict=True):
                first.mul_(0.9).add_(gradient, alpha=0.1)
                second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                value -= 0.01 * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
    assert (found[0][0] == 0).all()
    torch.testing.assert_close(found[2][0].double(), weight / math.sqrt(6), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(found[2][1].double(), bias, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("sigma", [1.0])
def test_comes_near_an_affine_denoiser(sigma: float) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 2, 3), dtype=np.uint8)
    gaussian = GaussianDenoiser(spectrum.fit(images))
    fit = Fit(torch.from_numpy(images / 127.5 - 1).float(), 1, 0, "descent")
    gaps = [
        float((item.weight - gaussian.weight(sigma)).norm() / gaussian.weight(sigma).norm())
        for item in gradient_descent.fit_by_epochs(gaussian, fit, sigma, Adam(epochs=150, batch=10, learning_rate=0.02))
    ]
    assert gaps[0] == 1
    assert gaps[-1] < 0.02
