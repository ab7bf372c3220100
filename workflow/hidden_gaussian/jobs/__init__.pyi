from . import distributed, interruption
from .device import choose_device, set_precision
from .distributed import ALONE, Team
from .logs import job_log
from .progress import progress_bar

__all__ = [
    "ALONE",
    "Team",
    "choose_device",
    "distributed",
    "interruption",
    "job_log",
    "progress_bar",
    "set_precision",
]
