"""The surroundings of a running job: log, progress bar, interruption, device and precision, several processes.

Takes a log file, a number of images, a module to run in several processes; gives messages on the terminal and in the
log, a bar, signals that arrive between two steps, a team of processes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
