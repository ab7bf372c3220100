"""Generated pages: the explorer, and the documentation that follows from code (settings, claims, reviews, setup).

Takes settings, tables of claims and outputs of denoisers; returns Markdown, JSON or HTML.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
