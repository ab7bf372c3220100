"""Denoisers: functions (noisy, sigma) -> estimate of the clean image, all behind one protocol.

Takes training images, a spectrum, fitted maps or a network. Gives denoisers that samplers, distillation and metrics use
without knowing their kind.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
