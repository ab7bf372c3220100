from .agreement import agreement_quantities, expected_agreement
from .alignment import LEADING, Singular, leading, overlap_quantities, overlaps, padded
from .distance import inner, output_quantities, squared
from .linearity import affinity_quantities, mixture_quantities
from .memorisation import neighbours
from .moments import MomentGaps, ResamplingNull, component_quantities, difference_quantities, radial_power
from .quality import FrechetDistance

__all__ = [
    "LEADING",
    "FrechetDistance",
    "MomentGaps",
    "ResamplingNull",
    "Singular",
    "affinity_quantities",
    "agreement_quantities",
    "component_quantities",
    "difference_quantities",
    "expected_agreement",
    "inner",
    "leading",
    "mixture_quantities",
    "neighbours",
    "output_quantities",
    "overlap_quantities",
    "overlaps",
    "padded",
    "radial_power",
    "squared",
]
