"""The paper's claims as tests. Each declares its statistic, smallest effect that matters and gate before any result.

Takes the shards of one dataset and returns one row per claim, with an interval and a verdict.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
