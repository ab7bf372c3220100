from . import duplicates, images, splits
from .downloads import fetch_archives
from .images import load_inputs, open_images, open_subset, pack

__all__ = [
    "duplicates",
    "fetch_archives",
    "images",
    "load_inputs",
    "open_images",
    "open_subset",
    "pack",
    "splits",
]
