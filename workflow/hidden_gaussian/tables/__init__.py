"""Metrics from shards: named formulas on sums pooled over images, with intervals.

Takes shards; gives the rows of ``tables/<metric>.parquet``, and the same numbers one at a time to figures and claims.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
