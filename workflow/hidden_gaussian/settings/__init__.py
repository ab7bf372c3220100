"""All settings of a study: closed against misspelling and checked before anything runs. Imports no torch."""

from hidden_gaussian.settings.dataset import Dataset
from hidden_gaussian.settings.distillation import Adam, Distillation
from hidden_gaussian.settings.grid import Grid, Network, Pretrained, Run, Slice, Sweeps
from hidden_gaussian.settings.measures import FEWEST, FEWEST_UNSEEN, Jacobian, Measures, unseen
from hidden_gaussian.settings.sampling import Sampling
from hidden_gaussian.settings.source import Download, Source
from hidden_gaussian.settings.strict import Strict
from hidden_gaussian.settings.study import Study, load, read
from hidden_gaussian.settings.training import Training

__all__ = [
    "FEWEST",
    "FEWEST_UNSEEN",
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
    "load",
    "read",
    "unseen",
]
