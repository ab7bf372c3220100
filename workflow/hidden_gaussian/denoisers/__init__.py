"""Denoisers: functions (noisy, sigma) -> estimate of the clean image, all behind one protocol."""

from hidden_gaussian.denoisers.autoencoder import AutoencoderDenoiser
from hidden_gaussian.denoisers.empirical import EmpiricalDenoiser
from hidden_gaussian.denoisers.expected import ExpectedDenoiser
from hidden_gaussian.denoisers.gaussian import GaussianDenoiser
from hidden_gaussian.denoisers.levels import is_defined
from hidden_gaussian.denoisers.linear import LinearDenoiser
from hidden_gaussian.denoisers.mixture import MixtureDenoiser
from hidden_gaussian.denoisers.network import NetworkDenoiser
from hidden_gaussian.denoisers.opening import open_denoiser
from hidden_gaussian.denoisers.patch import PatchDenoiser
from hidden_gaussian.denoisers.protocol import Denoiser
from hidden_gaussian.denoisers.stationary import StationaryDenoiser
from hidden_gaussian.denoisers.trivial import IdentityDenoiser, MeanDenoiser

__all__ = [
    "AutoencoderDenoiser",
    "Denoiser",
    "EmpiricalDenoiser",
    "ExpectedDenoiser",
    "GaussianDenoiser",
    "IdentityDenoiser",
    "LinearDenoiser",
    "MeanDenoiser",
    "MixtureDenoiser",
    "NetworkDenoiser",
    "PatchDenoiser",
    "StationaryDenoiser",
    "is_defined",
    "open_denoiser",
]
