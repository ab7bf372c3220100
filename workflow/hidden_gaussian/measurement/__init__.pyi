from .noised_batch import NoisedBatch, Target
from .shared_noise import measure
from .targets import clean_images, measured, measured_slopes, open_target, shared_outputs

__all__ = [
    "NoisedBatch",
    "Target",
    "clean_images",
    "measure",
    "measured",
    "measured_slopes",
    "open_target",
    "shared_outputs",
]
