"""Figures: one module each, named as its target.

A module's ``ENTRY`` says what a study must have for the figure and which files it is drawn from; its ``draw`` takes
these files and returns a Figure. :mod:`hidden_gaussian.figures.registry` collects the entries.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
