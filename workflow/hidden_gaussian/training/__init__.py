"""Training of one network from one checkpoint to the next, the same on every resumption.

Takes a subset, the settings and the checkpoint before; gives weights, the state that training goes on from, and the
curve of the loss.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
