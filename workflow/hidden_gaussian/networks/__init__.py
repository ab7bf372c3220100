"""Denoising networks of the published architectures, by name and size.

Takes the name of an architecture and its size. Gives a torch module (noisy, sigma) -> estimate, preconditioned as
published.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
