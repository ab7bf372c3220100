"""Independent random streams, each a function of (seed, purpose, index) and of nothing else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, purpose: str, index: int = 0) -> int:
    """Return the 63-bit seed of one named stream.

    Seeds are hashes, so a new purpose or index never changes an old stream.

    Parameters
    ----------
    seed : int
        Root seed of the study.
    purpose : str
        What the numbers are for, such as ``"latents"``.
    index : int
        Which stream of that purpose: an image, a batch, an epoch.
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def stream(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """Return torch's CPU generator of one named stream."""
    import torch  # here, because scripts that only need numpy must not pay 4 s for it

    return torch.Generator().manual_seed(derive(seed, purpose, index))


def numpy_stream(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """Return numpy's generator of one named stream."""
    return np.random.default_rng(derive(seed, purpose, index))
