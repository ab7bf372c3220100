"""Small random images."""

import numpy as np

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 1, 8, 8), np.uint8)
