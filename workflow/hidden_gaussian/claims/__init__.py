"""The paper's claims as tests: statistic, smallest effect that matters and gate are declared before the results.

Takes shards of one dataset; gives one row a claim.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
