from . import gradient_descent
from .exact import Distilled, Fit, distil, distil_levels, gaussian_rows, noised
from .least_squares import Rows, blocks
from .stein import probes
from .weights import component_quantities, singular_quantities, weight_quantities

__all__ = [
    "Distilled",
    "Fit",
    "Rows",
    "blocks",
    "component_quantities",
    "distil",
    "distil_levels",
    "gaussian_rows",
    "gradient_descent",
    "noised",
    "probes",
    "singular_quantities",
    "weight_quantities",
]
