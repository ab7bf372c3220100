"""Measurements of a denoiser on noise that every denoiser shares.

Takes a denoiser and clean images; gives one row per image, noise draw and quantity, and outputs for the figures.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
