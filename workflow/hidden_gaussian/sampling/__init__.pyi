from . import sample_sets, solver_error, splicing
from .sample_moments import Standard
from .sample_sets import COPY_NOISE
from .solvers import draw, draw_with_trajectories, latents, trajectory

__all__ = [
    "COPY_NOISE",
    "Standard",
    "draw",
    "draw_with_trajectories",
    "latents",
    "sample_sets",
    "solver_error",
    "splicing",
    "trajectory",
]
