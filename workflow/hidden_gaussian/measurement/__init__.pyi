from .additions import measure_distances, measure_linearity
from .noised_batch import NoisedBatch, ShardAndImages, Target
from .shared_noise import measure
from .targets import clean_images, distil_target, measure_jacobians, measure_target, open_target

__all__ = [
    "NoisedBatch",
    "ShardAndImages",
    "Target",
    "clean_images",
    "distil_target",
    "measure",
    "measure_distances",
    "measure_jacobians",
    "measure_linearity",
    "measure_target",
    "open_target",
]
