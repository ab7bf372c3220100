"""Training of one network from one checkpoint to the next; a resumed run gives the same bits.

Takes a subset, the settings and the checkpoint before; gives weights, the state that training continues from, and the
loss curve.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
