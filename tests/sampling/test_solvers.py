"""Samplers against the closed form of the Gaussian ODE."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from hidden_gaussian import noise, spectrum
from hidden_gaussian.denoisers import EmpiricalDenoiser, GaussianDenoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.sampling import solvers


@pytest.fixture
def gaussian() -> GaussianDenoiser:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 5, 5), dtype=np.uint8)
    return GaussianDenoiser(spectrum.fit(images), dtype=torch.float64)


def test_exact_flow_has_the_right_gain(gaussian: GaussianDenoiser) -> None:
    start = solvers.latents(range(4), (1, 5, 5), seed=0)
    final = solvers.draw(gaussian, start, "exact")
    centred = start.flatten(1).double() - gaussian.mean
    gain = torch.sqrt(gaussian.values / (gaussian.values + 6400))
    expected = gaussian.mean + ((centred @ gaussian.vectors) * gain) @ gaussian.vectors.T
    torch.testing.assert_close(final.flatten(1).double(), expected, atol=1e-5, rtol=1e-5)


def test_flow_composes(gaussian: GaussianDenoiser) -> None:
    state = solvers.latents(range(4), (1, 5, 5), seed=0).double()
    there = gaussian.flow(gaussian.flow(state, 80.0, 3.0), 3.0, 0.1)
    torch.testing.assert_close(there, gaussian.flow(state, 80.0, 0.1), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize(("sampler", "steps"), [("euler10", 10), ("heun18", 18)])
def test_solvers_have_the_gain_of_their_scheme(gaussian: GaussianDenoiser, sampler: str, steps: int) -> None:
    start = solvers.latents(range(3), (1, 5, 5), seed=0)
    sigmas = [*noise.schedule(steps), 0.0]
    values = gaussian.values.numpy()
    gain = np.ones_like(values)
    for sigma, following in pairwise(sigmas):
        slope = sigma / (values + sigma**2)
        euler = 1 + (following - sigma) * slope
        if sampler == "heun18" and following > 0:
            end = following / (values + following**2)
            gain *= 1 + (following - sigma) * (slope + euler * end) / 2
        else:
            gain *= euler
    drawn = (solvers.draw(gaussian, start, sampler).flatten(1).double() - gaussian.mean) @ gaussian.vectors
    expected = ((start.flatten(1).double() - gaussian.mean) @ gaussian.vectors) * torch.from_numpy(gain)
    torch.testing.assert_close(drawn, expected, atol=2e-4, rtol=2e-4)


def test_heun_nears_the_exact_solution(gaussian: GaussianDenoiser) -> None:
    start = solvers.latents(range(8), (1, 5, 5), seed=0)
    exact = solvers.draw(gaussian, start, "exact")
    errors = [float((solvers.draw(gaussian, start, name) - exact).norm()) for name in ("euler10", "heun18", "heun40")]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def test_samples_do_not_depend_on_batches(gaussian: GaussianDenoiser) -> None:
    start = solvers.latents(range(10), (1, 5, 5), seed=0)
    whole, trajectories = solvers.draw_with_trajectories(gaussian, start, "euler10", count=4)
    parts, _ = solvers.draw_with_trajectories(gaussian, start, "euler10", count=2, batch=3)
    torch.testing.assert_close(whole, parts)
    assert trajectories.shape == (4, 11, 1, 5, 5)
    torch.testing.assert_close(trajectories[:, 0], start[:4])


def test_empirical_samples_are_training_images() -> None:
    images = torch.randint(0, 256, (6, 1, 5, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    drawn = solvers.draw(EmpiricalDenoiser(images), solvers.latents(range(12), (1, 5, 5), seed=0), "heun18")
    nearest = torch.cdist(drawn.flatten(1), images.flatten(1) / 127.5 - 1).amin(1)
    assert nearest.max() < 1e-3


def test_exact_needs_a_gaussian() -> None:
    with pytest.raises(InputError, match="heun18"):
        solvers.draw(EmpiricalDenoiser(torch.zeros(1, 1, 4, 4)), torch.zeros(1, 1, 4, 4), "exact")
    with pytest.raises(InputError, match="no sampler"):
        solvers.draw(EmpiricalDenoiser(torch.zeros(1, 1, 4, 4)), torch.zeros(1, 1, 4, 4), "dpm")
