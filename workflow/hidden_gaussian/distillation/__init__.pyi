from . import gradient_descent
from .exact import Distilled, Fit, add_noise, distil, distil_levels, gaussian_rows
from .least_squares import Rows, blocks
from .stein import probes
from .weights import component_quantities, singular_quantities, weight_quantities

__all__ = [
    "Distilled",
    "Fit",
    "Rows",
    "add_noise",
    "blocks",
    "component_quantities",
    "distil",
    "distil_levels",
    "gaussian_rows",
    "gradient_descent",
    "probes",
    "singular_quantities",
    "weight_quantities",
]
