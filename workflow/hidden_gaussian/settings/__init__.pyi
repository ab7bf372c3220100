from . import error_messages
from .dataset import IDENTITY, Dataset
from .distillation import OR_RIDGE, Adam, Distillation
from .grid import Grid, Network, Pretrained, Run, Slice, Sweeps
from .measures import FEWEST, FEWEST_UNSEEN, Jacobian, Measures, unseen
from .sampling import Sampling
from .source import Download, Source
from .strict import Strict
from .study import Study, load, read
from .training import Training

__all__ = [
    "FEWEST",
    "FEWEST_UNSEEN",
    "IDENTITY",
    "OR_RIDGE",
    "Adam",
    "Dataset",
    "Distillation",
    "Download",
    "Grid",
    "Jacobian",
    "Measures",
    "Network",
    "Pretrained",
    "Run",
    "Sampling",
    "Slice",
    "Source",
    "Strict",
    "Study",
    "Sweeps",
    "Training",
    "error_messages",
    "load",
    "read",
    "unseen",
]
