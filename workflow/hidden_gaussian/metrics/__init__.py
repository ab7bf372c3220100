"""Metrics: pure functions, tensors in, one number an image out; ratios are left to the tables."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
