from . import distributed, interruption
from .distributed import ALONE, Team
from .logs import job_log
from .progress import progress_bar

__all__ = ["ALONE", "Team", "distributed", "interruption", "job_log", "progress_bar"]
