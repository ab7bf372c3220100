"""Images: from a source on disk to one packed array, held-out images, and nested subsets in disjoint halves.

Takes folders, archives and published files; gives uint8 arrays of shape (image, channel, row, column) and indices into
them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
