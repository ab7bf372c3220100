"""The coordinates of one trained snapshot."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from hidden_gaussian import noise_schedule
from hidden_gaussian.errors import InputError

_ID = re.compile(r"n(\d+)([ab])/([a-z-]+)(\d+)r(\d+)/i(\d+)")


@dataclass(frozen=True, order=True)
class Cell:
    """One point of the grid: a network, trained on one subset, kept after a number of images seen."""

    dataset: str
    subset_size: int
    half: str
    architecture: str
    scale: int
    replicate: int
    images_seen: int

    @property
    def subset(self) -> str:
        """Folder of the training subset, such as ``n64a``."""
        return f"n{self.subset_size}{self.half}"

    @property
    def run(self) -> str:
        """Folder of the training run, such as ``n64a/ve16r1``."""
        return f"{self.subset}/{self.architecture}{self.scale}r{self.replicate}"

    @property
    def id(self) -> str:
        """Path of the snapshot below the dataset's folder, such as ``n64a/ve16r1/i64000``."""
        return f"{self.run}/i{self.images_seen}"

    @property
    def epoch(self) -> float:
        """How many times each training image was seen."""
        return self.images_seen / self.subset_size

    @property
    def is_pretrained(self) -> bool:
        """Whether the snapshot comes from a file instead of a training run."""
        return self.replicate == 0

    @property
    def is_levelwise(self) -> bool:
        """Whether there is a network for each of some noise levels, and no denoiser between them."""
        return self.architecture.startswith("dae-")

    @property
    def networks(self) -> int:
        """How many networks the cell is; images_seen counts the images that each of them saw."""
        return noise_schedule.AUTOENCODERS if self.is_levelwise else 1

    @property
    def state(self) -> str:
        """Name of the file that training goes on from."""
        return "states.zip" if self.is_levelwise else "state.safetensors"

    @classmethod
    def parse(cls, dataset: str, identifier: str) -> Cell:
        """Read a cell back from its id.

        Raises
        ------
        InputError
            If the id has another form.
        """
        match = _ID.fullmatch(identifier)
        if match is None:
            raise InputError(f"{identifier!r} is not the id of a cell; one looks like 'n64a/ve16r1/i64000'")
        size, half, architecture, scale, replicate, images_seen = match.groups()
        return cls(dataset, int(size), half, architecture, int(scale), int(replicate), int(images_seen))


def smallest(cells: Collection[Cell]) -> list[Cell]:
    """Return the cells with the fewest training images."""
    least = min((cell.subset_size for cell in cells), default=0)
    return [cell for cell in cells if cell.subset_size == least]


def largest(cells: Collection[Cell]) -> list[Cell]:
    """Return the cells with the most training images."""
    most = max((cell.subset_size for cell in cells), default=0)
    return [cell for cell in cells if cell.subset_size == most]
