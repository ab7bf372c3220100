"""What a study costs, what resources its jobs request, and which study a results folder belongs to.

Takes a study's settings; runs and writes nothing but the record of ownership.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
