"""Metrics from shards: named formulas on sums pooled over images, with intervals.

Takes shards; gives the rows of ``tables/<metric>.parquet``, and the same numbers one at a time to figures and claims.

>>> from hidden_gaussian.tables import Measurements  # doctest: +SKIP
>>> held = Measurements.read(["results/digits/n8a/ve16r1/i64000/measures.parquet"], pixels=64)  # doctest: +SKIP
>>> held.curve("nrmse", "n8a/ve16r1/i64000", inputs="heldout", reference_id="n8a/gaussian")  # doctest: +SKIP
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
