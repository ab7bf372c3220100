"""Figures: one module each, named as its target; a function ``draw`` takes shards in and gives a Figure out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
