"""Metrics from shards: named formulas on sums pooled over images, with intervals.

>>> from hidden_gaussian.estimates import Measurements  # doctest: +SKIP
>>> held = Measurements.read(["results/digits/n8a/ve16r1/i64000/measures.parquet"], pixels=64)  # doctest: +SKIP
>>> held.curve("nrmse", "n8a/ve16r1/i64000", inputs="heldout", reference_id="n8a/gaussian")  # doctest: +SKIP
"""

from hidden_gaussian.estimates.measurements import Measurements
from hidden_gaussian.estimates.metrics import METRICS
from hidden_gaussian.estimates.rows import FAMILIES, TABLES, gather, spectrum, table, training

__all__ = ["FAMILIES", "METRICS", "TABLES", "Measurements", "gather", "spectrum", "table", "training"]
