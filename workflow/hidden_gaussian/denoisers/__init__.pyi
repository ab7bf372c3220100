from . import autoencoder
from .autoencoder import AutoencoderDenoiser
from .empirical import EmpiricalDenoiser
from .fit import fit_reference
from .gaussian import ExpectedDenoiser, GaussianDenoiser
from .linear import LinearDenoiser
from .mixture import MixtureDenoiser
from .network import NetworkDenoiser, load_network
from .patch import PatchDenoiser
from .protocol import Denoiser, checked, diagnostics, differentiable, is_defined
from .registry import mean_image, open_denoiser
from .spliced import SplicedDenoiser
from .stationary import StationaryDenoiser
from .trivial import IdentityDenoiser, MeanDenoiser

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
    "SplicedDenoiser",
    "StationaryDenoiser",
    "autoencoder",
    "checked",
    "diagnostics",
    "differentiable",
    "fit_reference",
    "is_defined",
    "load_network",
    "mean_image",
    "open_denoiser",
]
