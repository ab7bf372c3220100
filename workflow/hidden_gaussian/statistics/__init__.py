"""Resampling, intervals and trends of paired measurements.

Takes one number an image and draw; gives pooled estimates with intervals over images, and over independent trainings
where there are several.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
