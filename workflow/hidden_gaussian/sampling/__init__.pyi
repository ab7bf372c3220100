from . import sample_sets, solver_error, splicing
from .drawing import DrawnSamples, draw_samples, splice_samples
from .sample_moments import MomentReference, measure_controls, measure_samples
from .solvers import draw, draw_with_trajectories, latents, trajectory

__all__ = [
    "DrawnSamples",
    "MomentReference",
    "draw",
    "draw_samples",
    "draw_with_trajectories",
    "latents",
    "measure_controls",
    "measure_samples",
    "sample_sets",
    "solver_error",
    "splice_samples",
    "splicing",
    "trajectory",
]
