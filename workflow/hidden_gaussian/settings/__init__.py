"""All settings of a study: closed against misspelling and checked before anything runs.

Takes a mapping, as YAML files hold it; gives a :class:`Study`. Imports no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
