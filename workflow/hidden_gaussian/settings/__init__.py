"""The settings of a study. Unknown keys are errors, and all values are checked before any job starts.

Takes a mapping, as read from a YAML file; returns a :class:`Study`. Imports no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
