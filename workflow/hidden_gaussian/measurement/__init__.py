"""Measurements of a denoiser on noise that all denoisers share.

Takes a denoiser and clean images; gives shard rows, one for each image, noise draw and quantity, and images for the
figures.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
