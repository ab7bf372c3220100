"""Samples from shared latents, and their comparison with training images, held-out images and each other.

Takes a denoiser and latents; gives images, their sampling trajectories, and shard rows: nearest training images,
agreement between sample sets, moments, errors of the solver.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
