"""What a study will cost, what its jobs ask a cluster for, and which study a results folder belongs to."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
