"""What a running job does beside its work: log, progress bar, interruption, several devices.

Takes a log file, an iterable, a command for several processes; gives messages on the terminal and in the log, a bar, a
signal that arrives between two steps, a team of processes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
