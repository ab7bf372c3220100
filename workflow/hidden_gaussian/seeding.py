"""Independent random streams; each depends on seed, purpose and index alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, purpose: str, index: int = 0) -> int:
    """Return the 63-bit seed of a stream.

    Seeds are hashes, so a new purpose or index never changes an old stream.

    Parameters
    ----------
    seed : int
        Root seed of the study.
    purpose : str
        Use of the numbers, such as ``"latents"``.
    index : int
        Number of the stream: an image, a batch, an epoch.

    Examples
    --------
    >>> derive(0, "latents", 1)
    7094236659792457020
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def stream(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """Return a torch CPU generator for a stream."""
    import torch  # here, because scripts that need only numpy would wait seconds for it

    return torch.Generator().manual_seed(derive(seed, purpose, index))


def numpy_stream(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """Return a numpy generator for a stream."""
    return np.random.default_rng(derive(seed, purpose, index))
