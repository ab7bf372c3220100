"""The exact affine map against the paper's gradient descent, in processor time to the same error."""

from __future__ import annotations

import time

import pandas as pd
import torch
from patches import patches
from torch import Tensor

from hidden_gaussian import spectrum
from hidden_gaussian.denoisers import Denoiser, EmpiricalDenoiser
from hidden_gaussian.distillation import Fit, gradient_descent
from hidden_gaussian.distillation.exact import BATCH
from hidden_gaussian.distillation.least_squares import AffineMap, Moments
from hidden_gaussian.settings import Adam

TRAINED_ON, INPUTS, HELDOUT = 512, 1024, 512


def exact_map(denoiser: Denoiser, fit: Fit, sigma: float, mean: Tensor) -> AffineMap:
    """Return the affine map closest to a denoiser, from one pass over the pairs and one solve."""
    moments = Moments(mean, parts=1)
    for start in range(0, fit.draws, BATCH):
        noisy, _ = fit.noisy_pairs(range(start, min(start + BATCH, fit.draws)), sigma)
        moments.add(noisy, denoiser(noisy, sigma))
    return moments.solve()[0]


class Case:
    """The empirical denoiser of some patches, to be distilled on other patches."""

    def __init__(self, resolution: int, sigma: float) -> None:
        pixels = torch.from_numpy(patches(TRAINED_ON + INPUTS + HELDOUT, resolution))
        own, inputs, heldout = pixels.split([TRAINED_ON, INPUTS, HELDOUT])
        self.sigma, self.size = sigma, own[0].numel()
        self.denoiser: Denoiser = EmpiricalDenoiser(own)
        self.mean = torch.from_numpy(spectrum.fit(own.numpy()).mean)
        self.inputs = inputs.float() / 127.5 - 1
        self.noisy, _ = Fit(heldout.float() / 127.5 - 1, 1, 1, "heldout").noisy_pairs(range(4 * HELDOUT), sigma)
        self.target = self.denoiser(self.noisy, sigma)

    def error(self, denoised: Tensor) -> float:
        """Return the mean squared distance to the denoiser on noisy images that no map was fitted to."""
        return float((denoised - self.target).square().mean())

    def descent(self) -> tuple[float, float]:
        """Return processor seconds and held-out error of the paper's gradient descent at its smallest error."""
        began, best = time.process_time(), (0.0, float("inf"))
        for found in gradient_descent.fit_by_epochs(self.denoiser, Fit(self.inputs, 1, 0, "adam"), self.sigma, Adam()):
            spent, paused = time.process_time() - began, time.process_time()
            best = min(best, (spent, self.error(found(self.noisy))), key=lambda item: item[1])
            began += time.process_time() - paused  # evaluating the map is no part of the fit
        return best

    def exact(self, draws: int) -> tuple[float, float]:
        """Return processor seconds and held-out error of the exact map fitted to this number of pairs."""
        began = time.process_time()
        found = exact_map(self.denoiser, Fit(self.inputs, draws, 0, "exact"), self.sigma, self.mean)
        spent = time.process_time() - began
        return spent, self.error(found(self.noisy))


def row(resolution: int, sigma: float) -> dict[str, object]:
    """Return the cost and error of both; the exact map uses the fewest pairs with which it is no worse."""
    case = Case(resolution, sigma)
    slow, floor = case.descent()
    draws = 4 * case.size
    while (found := case.exact(draws))[1] > floor and draws < 64 * case.size:
        draws = draws * 5 // 4
    fast, error = found
    return {
        "d": case.size,
        "sigma": sigma,
        "descent, CPU s": round(slow, 2),
        "its error": f"{floor:.3g}",
        "exact, CPU s": round(fast, 2),
        "its pairs": draws,
        "its held-out error": f"{error:.3g}",
        "times faster": round(slow / fast, 1) if error <= floor else "not reached",
    }


def tables() -> dict[str, pd.DataFrame]:
    """Return what the page shows."""
    torch.set_num_threads(2)
    rows = [row(resolution, sigma) for resolution in (8, 16) for sigma in (4.066124, 1.501742, 0.469979)]
    return {"Exact maps against descent": pd.DataFrame(rows)}
