"""Ids of subsets, cells and denoisers. No other module parses them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

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
        return self.architecture.startswith("dae-")

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


def smallest(cells: Collection[Cell]) -> list[Cell]:
    """Return the cells with the fewest training images."""
    least = min((cell.subset_size for cell in cells), default=0)
    return [cell for cell in cells if cell.subset_size == least]


def largest(cells: Collection[Cell]) -> list[Cell]:
    """Return the cells with the most training images."""
    most = max((cell.subset_size for cell in cells), default=0)
    return [cell for cell in cells if cell.subset_size == most]


def pooled_id(ids: Sequence[str], everyone: Collection[str] = ()) -> str:
    """Return the name of a mean over halves and replicates: the id without the parts that differ.

    Parameters
    ----------
    ids : sequence of str
        Denoisers, or subsets, that differ in half and replicate at most.
    everyone : collection of str
        All ids that such a mean could be taken over. Of some of the replicates among them each is listed.

    Examples
    --------
    >>> pooled_id(["n64a/gaussian", "n64b/gaussian"])
    'n64/gaussian'
    >>> pooled_id(["n64a/ve16r1/i6400", "n64a/ve16r2/i6400"])
    'n64a/ve16/i6400'
    >>> pooled_id(["n64a/ve16r1/i6400", "n64a/ve16r2/i6400"], [f"n64a/ve16r{index}/i6400" for index in (1, 2, 3)])
    'n64a/ve16r1+2/i6400'
    """
    parts = [_parts(identifier) for identifier in ids]
    halves, replicates = ({part[index] for part in parts} for index in (1, 3))
    size, _, network, _, rest = parts[0]
    alike = [part for part in map(_parts, everyone) if part[::2] == (size, network, rest) and part[1] in halves]
    whole = len(replicates) > 1 and replicates >= {part[3] for part in alike}
    half = halves.pop() if len(halves) == 1 else ""
    listed = "" if whole else "+".join(sorted(filter(None, replicates), key=int))
    return f"n{size}{half}{network}{f'r{listed}' if listed else ''}{rest}"


class PooledPlace(NamedTuple):
    """Coordinates of a denoiser, or of a mean over halves and replicates: None where it has none, or several."""

    subset_size: int
    half: str | None
    architecture: str | None = None
    scale: int | None = None
    replicate: int | None = None
    images_seen: int | None = None


def parse_pooled(identifier: str) -> PooledPlace:
    """Read the coordinates back from an id, or from a name that :func:`pooled_id` made.

    Examples
    --------
    >>> parse_pooled("n64/ve16/i6400/linear")
    PooledPlace(subset_size=64, half=None, architecture='ve', scale=16, replicate=None, images_seen=6400)
    """
    size, half, network, replicate, rest = _parts(identifier)
    place = PooledPlace(int(size), half or None)
    seen = re.match(r"/i(\d+)", rest)
    if not network or seen is None:
        return place
    architecture, scale = re.fullmatch(r"/([a-z-]+)(\d+)", network).groups()  # type: ignore[union-attr]
    one = int(replicate) if replicate.isdigit() else None
    return place._replace(architecture=architecture, scale=int(scale), replicate=one, images_seen=int(seen[1]))


_POOLED = re.compile(r"n(\d+)([ab]?)(?:(/[a-z-]+\d+)(?:r([\d+]+))?(?=/i\d)|(?=/|$))(.*)")


def _parts(identifier: str) -> tuple[str, str, str, str, str]:
    """Return size, half, network without its replicate, replicate (empty where there is none), and what follows."""
    match = _POOLED.fullmatch(identifier)
    if match is None:
        raise InputError(f"{identifier!r} is not the id of a denoiser or a subset; expected one like 'n64a/gaussian'")
    size, half, network, replicate, rest = match.groups(default="")
    return size, half, network, replicate, rest
