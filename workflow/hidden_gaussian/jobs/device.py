"""The device of a job, and the precision of its float32 products."""

from __future__ import annotations

import torch


def choose_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def set_precision(precision: str = "fp32") -> None:
    """Set how a GPU computes the float32 products and convolutions of this process.

    Parameters
    ----------
    precision : str
        ``tf32`` rounds their inputs to TF32, which keeps 10 of the 23 bits. Any other value forbids it; torch itself
        allows it in convolutions.

    Examples
    --------
    >>> set_precision()
    >>> torch.backends.cudnn.allow_tf32
    False
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
