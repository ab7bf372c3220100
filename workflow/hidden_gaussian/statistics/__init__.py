"""Resampling, intervals and trends of paired measurements.

Takes one number per image and draw; returns pooled estimates with intervals over images, and over independent
trainings if there are several.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
