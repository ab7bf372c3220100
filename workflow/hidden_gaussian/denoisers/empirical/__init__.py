"""The empirical denoiser: `denoiser` computes the posterior mean, `screening` finds the images that enter it."""

from hidden_gaussian.denoisers.empirical.denoiser import EmpiricalDenoiser

__all__ = ["EmpiricalDenoiser"]
