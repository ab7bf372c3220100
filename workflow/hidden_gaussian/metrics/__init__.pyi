from .agreement import agreement_quantities, expected_agreement
from .alignment import LEADING, SingularTriplets, leading_triplets, overlap_quantities, pad_basis, subspace_overlaps
from .distance import inner_product, output_quantities, squared_norm
from .linearity import affinity_quantities, mixture_quantities
from .memorisation import COPY_NOISE, Neighbours, nearest_neighbours
from .moments import MomentGaps, ResamplingNull, component_quantities, difference_quantities, radial_power
from .quality import FrechetDistance

__all__ = [
    "COPY_NOISE",
    "LEADING",
    "FrechetDistance",
    "MomentGaps",
    "Neighbours",
    "ResamplingNull",
    "SingularTriplets",
    "affinity_quantities",
    "agreement_quantities",
    "component_quantities",
    "difference_quantities",
    "expected_agreement",
    "inner_product",
    "leading_triplets",
    "mixture_quantities",
    "nearest_neighbours",
    "output_quantities",
    "overlap_quantities",
    "pad_basis",
    "radial_power",
    "squared_norm",
    "subspace_overlaps",
]
