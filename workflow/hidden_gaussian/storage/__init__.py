"""Files that are complete or absent, and checked when they are read.

Takes arrays, tensors, JSON and rows; gives ``.npy``, ``.safetensors``, JSON and Parquet files. They are written under a
temporary name and then renamed; all but JSON carry a checksum. Archives and pickles of other people are read without
writing files or calling anything.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
