"""Ids of subsets, cells and denoisers. No other module but :mod:`hidden_gaussian.pooled_ids` parses ids."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hidden_gaussian import noise_schedule
from hidden_gaussian.errors import InputError

_SUBSET = re.compile(r"n(\d+)([ab])")
_CELL = re.compile(rf"{_SUBSET.pattern}/([a-z-]+)(\d+)r(\d+)/i(\d+)")


@dataclass(frozen=True, order=True)
class Subset:
    """A training subset, by its size and half.

    Examples
    --------
    >>> Subset.parse("n64a").size
    64
    >>> Subset(64, "a").other_half.id
    'n64b'
    """

    size: int
    half: str

    @property
    def id(self) -> str:
        """Folder of the subset below the dataset's folder, such as ``n64a``."""
        return f"n{self.size}{self.half}"

    @property
    def other_half(self) -> Subset:
        """The subset of equal size that shares no image with this one."""
        return Subset(self.size, "b" if self.half == "a" else "a")

    @property
    def rank(self) -> tuple[int, bool]:
        """The subset of the highest rank stands for the whole dataset: the largest, and of two halves a."""
        return self.size, self.half == "a"

    @classmethod
    @cache
    def parse(cls, text: str) -> Subset:
        """Parse the id of a subset.

        Raises
        ------
        InputError
            If the id has another form.
        """
        match = _SUBSET.fullmatch(text)
        if match is None:
            raise InputError(f"{text!r} is not the id of a subset; expected one like 'n64a'")
        return cls(int(match[1]), match[2])

    @classmethod
    def of_file(cls, path: str | Path) -> Subset:
        """Return the subset that a file in its folder belongs to, such as ``.../n64a/spectrum.safetensors``."""
        return cls.parse(Path(path).parent.name)


@dataclass(frozen=True, order=True)
class DenoiserId:
    """A denoiser or a sample set, by its path below the dataset's folder.

    Attributes
    ----------
    subset : Subset
        The training images.
    name : str
        Path below the subset's folder: ``gaussian``, ``ve16r1/i64000``, ``ve16r1/i64000/linear``.

    Examples
    --------
    >>> linear = DenoiserId.parse("n64a/ve16r1/i64000/linear")
    >>> linear.subset.size, linear.kind, linear.owner.id
    (64, 'linear', 'n64a/ve16r1/i64000')
    >>> DenoiserId.parse("n64a/gaussian").other_half.id
    'n64b/gaussian'
    """

    subset: Subset
    name: str

    @property
    def id(self) -> str:
        """The path, such as ``n64a/gaussian``."""
        return f"{self.subset.id}/{self.name}"

    @property
    def other_half(self) -> DenoiserId:
        """The same denoiser for the other half."""
        return replace(self, subset=self.subset.other_half)

    @property
    def kind(self) -> str:
        """Last part of the path: name of a reference denoiser, ``linear``, or images seen of a network."""
        return self.name.rpartition("/")[2]

    @property
    def is_network(self) -> bool:
        """Whether this is a network, not a reference denoiser or a linear map."""
        return _CELL.fullmatch(self.id) is not None

    @property
    def is_linear(self) -> bool:
        """Whether this is the distilled linear map of another denoiser."""
        return self.kind == "linear"

    @property
    def owner(self) -> DenoiserId:
        """The denoiser that a linear map is fitted to; for every other denoiser, itself."""
        return replace(self, name=self.name.rpartition("/")[0]) if self.is_linear else self

    @property
    def is_reference(self) -> bool:
        """Whether this is a reference denoiser, which its subset alone decides."""
        return "/" not in self.name

    def below(self, other: DenoiserId) -> str:
        """Return the path below another denoiser's folder, such as ``linear``; empty where this is not in it."""
        folder = f"{other.id}/"
        return self.id.removeprefix(folder) if self.id.startswith(folder) else ""

    def cell(self, dataset: str) -> Cell:
        """Return the cell of a network, or of a linear map's network.

        Raises
        ------
        InputError
            If this is a reference denoiser.
        """
        return Cell.parse(dataset, self.owner.id)

    @classmethod
    @cache
    def parse(cls, text: str) -> DenoiserId:
        """Parse the path of a denoiser.

        Raises
        ------
        InputError
            If the path does not begin with a subset, or has nothing below it.
        """
        subset, _, name = text.partition("/")
        if not name:
            raise InputError(f"{text!r} is not the id of a denoiser; expected one like 'n64a/gaussian'")
        return cls(Subset.parse(subset), name)

    @classmethod
    def of_file(cls, root: str | Path, path: str | Path) -> DenoiserId:
        """Return the denoiser that a file in its folder belongs to; `root` is the dataset's folder."""
        return cls.parse(Path(path).parent.relative_to(root).as_posix())


@dataclass(frozen=True, order=True)
class Cell:
    """One point of the grid: a network trained on a subset, at a checkpoint.

    Examples
    --------
    >>> Cell.parse("digits", "n64a/ve16r1/i6400").epoch
    100.0
    """

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
        return Subset(self.subset_size, self.half).id

    @property
    def run(self) -> str:
        """Folder of the training run, such as ``n64a/ve16r1``."""
        return f"{self.subset}/{self.architecture}{self.scale}r{self.replicate}"

    @property
    def id(self) -> str:
        """Path of the checkpoint below the dataset's folder, such as ``n64a/ve16r1/i64000``."""
        return f"{self.run}/i{self.images_seen}"

    @property
    def epoch(self) -> float:
        """How often each training image was seen."""
        return self.images_seen / self.subset_size

    @property
    def is_pretrained(self) -> bool:
        """Whether the checkpoint is imported from a file."""
        return self.replicate == 0

    @property
    def is_levelwise(self) -> bool:
        """Whether the cell has a network at some noise levels only, as denoising autoencoders have."""
        return is_levelwise(self.architecture)

    @property
    def networks(self) -> int:
        """Number of networks in the cell; images_seen is the number for each of them."""
        return noise_schedule.AUTOENCODERS if self.is_levelwise else 1

    @property
    def state(self) -> str:
        """Name of the file that training continues from."""
        return "states.zip" if self.is_levelwise else "state.safetensors"

    @classmethod
    def parse(cls, dataset: str, identifier: str) -> Cell:
        """Parse the id of a cell.

        Raises
        ------
        InputError
            If the id has another form.
        """
        match = _CELL.fullmatch(identifier)
        if match is None:
            raise InputError(f"{identifier!r} is not the id of a cell; expected one like 'n64a/ve16r1/i64000'")
        size, half, architecture, scale, replicate, images_seen = match.groups()
        return cls(dataset, int(size), half, architecture, int(scale), int(replicate), int(images_seen))

    @classmethod
    def of_file(cls, dataset: str, path: str | Path) -> Cell:
        """Return the cell that a file in its folder belongs to, such as ``.../n64a/ve16r1/i64000/training.parquet``."""
        return cls.parse(dataset, "/".join(Path(path).parts[-4:-1]))


def is_levelwise(architecture: str) -> bool:
    """Return whether an architecture has one network for each noise level, as denoising autoencoders have."""
    return architecture.startswith("dae-")


def smallest(cells: Collection[Cell]) -> list[Cell]:
    """Return the cells with the fewest training images."""
    least = min((cell.subset_size for cell in cells), default=0)
    return [cell for cell in cells if cell.subset_size == least]


def largest(cells: Collection[Cell]) -> list[Cell]:
    """Return the cells with the most training images."""
    most = max((cell.subset_size for cell in cells), default=0)
    return [cell for cell in cells if cell.subset_size == most]
