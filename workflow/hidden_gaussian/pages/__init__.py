"""Pages that are generated: the explorer, the ledger, and the parts of the documentation that follow from code."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
