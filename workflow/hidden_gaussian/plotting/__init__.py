"""What several figures share: style, curves with intervals, grids of images, panels along a sweep.

Takes the declared files of a figure; gives drawn axes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
