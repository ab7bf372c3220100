from . import formulas, gates, window
from .catalogue import METRICS, PROPORTIONS, quantities
from .derived import SAMPLER, STEPS, outputs_along, sample_agreement, solver_rows, trajectory_agreement
from .evaluation import Pooled
from .gather import FAMILIES, TABLES, gather, spectrum, table, training
from .rows import fractions
from .sample_metrics import THRESHOLDS
from .shard_arrays import Array
from .shard_store import Measurements

__all__ = [
    "FAMILIES",
    "METRICS",
    "PROPORTIONS",
    "SAMPLER",
    "STEPS",
    "TABLES",
    "THRESHOLDS",
    "Array",
    "Measurements",
    "Pooled",
    "formulas",
    "fractions",
    "gates",
    "gather",
    "outputs_along",
    "quantities",
    "sample_agreement",
    "solver_rows",
    "spectrum",
    "table",
    "training",
    "trajectory_agreement",
    "window",
]
