"""Pure functions from images to the numbers that metrics are made of.

Takes outputs of denoisers or samples, as tensors or arrays; gives sums over the pixels of each image, and a few numbers
of a whole set or map. Ratios, means and intervals are left to :mod:`hidden_gaussian.tables`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
