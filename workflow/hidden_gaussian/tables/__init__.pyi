from . import formulas, gates, window
from .catalogue import METRICS
from .formulas import cross_share, is_copy, left, signed_root, signed_root_ratio
from .gather import FAMILIES, TABLES, gather, spectrum, table, training
from .sample_metrics import SAMPLE_METRICS, THRESHOLDS
from .shard_arrays import Array
from .shard_store import Measurements

__all__ = [
    "FAMILIES",
    "METRICS",
    "SAMPLE_METRICS",
    "TABLES",
    "THRESHOLDS",
    "Array",
    "Measurements",
    "cross_share",
    "formulas",
    "gates",
    "gather",
    "is_copy",
    "left",
    "signed_root",
    "signed_root_ratio",
    "spectrum",
    "table",
    "training",
    "window",
]
