"""Linear distillation: the affine map nearest to a denoiser, exact or by the paper's gradient descent.

Takes a denoiser and clean images; gives an affine map for each noise level, and the numbers that compare its weights
with those of the Gaussian denoiser.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
