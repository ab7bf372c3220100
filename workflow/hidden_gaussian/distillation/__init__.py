"""The affine map nearest to a denoiser, exactly or by the paper's gradient descent.

Takes a denoiser and clean images; gives an affine map for each noise level, with what its fit says of it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
