"""Denoising networks of the published architectures, of any scale, by name.

Takes the name of an architecture and its size; gives a torch module (noisy, sigma) -> estimate, preconditioned as
published.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
