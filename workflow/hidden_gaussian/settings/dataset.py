"""A data set of a study: its images, its grid of networks, and what is done with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from hidden_gaussian.cells import Cell
from hidden_gaussian.noise_schedule import AUTOENCODERS
from hidden_gaussian.settings.distillation import Distillation
from hidden_gaussian.settings.grid import Grid, Network, Slice, Sweeps
from hidden_gaussian.settings.measures import FEWEST_UNSEEN, UNCERTAIN, Measured, Measures
from hidden_gaussian.settings.sampling import Sampling
from hidden_gaussian.settings.source import Source
from hidden_gaussian.settings.strict import BLOCK, EITHER, VALUE, NonNegative, Strict
from hidden_gaussian.settings.training import Training

Chosen = TypeVar("Chosen", Measures, Distillation)

PLACES = {
    "size": ("subset_size",),
    "scale": ("scale",),
    "time": ("images_seen",),
    "architecture": ("architecture",),
    "clock": ("subset_size", "images_seen"),
}
"""Along which coordinates of a cell a sweep goes."""

COORDINATES = {
    "subset_size": "subset_sizes",
    "architecture": "architectures",
    "scale": "scales",
    "images_seen": "images_seen",
}
"""Coordinates that tell networks apart, each with the setting that chooses by it; curves average halves, replicates."""

OWN = {"architecture": ("scale", "images_seen")}
"""Coordinates in which the places of a sweep may differ: architectures have scales and trainings of their own."""


class Dataset(Strict):
    """A named image source at one resolution, with its own recipe."""

    source: Source = Field(description="the training images")
    resolution: Annotated[int, Field(ge=4)] = Field(description="pixels a side")
    colour: Literal["rgb", "grey"] = Field("rgb", description="channels")
    heldout: Annotated[Annotated[NonNegative, VALUE] | Annotated[Source, BLOCK], EITHER] = Field(
        0,
        description=f"images set aside and never trained on: a number, or a source; none, or at least {FEWEST_UNSEEN}",
    )
    foreign: Annotated[Annotated[Source, BLOCK] | Annotated[Literal["heldout"] | None, VALUE], EITHER] = Field(
        None, description=f"images used only as inputs, at least {FEWEST_UNSEEN}; or the held-out ones, measured once"
    )
    near_duplicates: bool = Field(
        True, description="whether nearly equal images count as duplicates, from 16 pixels a side; compares all pairs"
    )
    network: Network = Field(Network(), description="the network")
    training: Training = Field(Training(), description="the recipe of training")
    grid: Grid = Field(description="cells and sweeps")
    sampling: Sampling = Field(Sampling(), description="sample sets")
    measures: Measures = Field(Measures(), description="measurements")
    distillation: Distillation = Field(Distillation(), description="linear distillation")
    speed: float = Field(
        500.0, gt=0, description="images trained a second at the largest scale, only for the plan's estimate of hours"
    )

    @field_validator("measures", "distillation")
    @classmethod
    def _named_once(cls, chosen: Chosen, info: ValidationInfo) -> Chosen:
        """Read foreign inputs as held-out ones where they are the same images, which are measured by that name."""
        if info.data.get("foreign") != "heldout" or "heldout" in chosen.inputs:
            return chosen
        names = tuple("heldout" if name == "foreign" else name for name in chosen.inputs)
        return chosen.model_copy(update={"inputs": names})

    @property
    def channels(self) -> int:
        """Colour channels of an image."""
        return 3 if self.colour == "rgb" else 1

    @property
    def available(self) -> int:
        """Images of the source that may be trained on."""
        return self.source.count - (self.heldout if isinstance(self.heldout, int) else 0)

    @property
    def inputs(self) -> tuple[Measured, ...]:
        """Kinds of input that exist; foreign images that are the held-out ones are measured once."""
        absent = set()
        if self.heldout == 0:
            absent.add("heldout")
        if self.foreign is None or self.foreign == "heldout":
            absent.add("foreign")
        return tuple(name for name in self.measures.inputs if name not in absent)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The network, and those that runs of the grid make of it."""
        return self.network, *(run.changed(self.network) for run in self.grid.runs)

    def network_of(self, cell: Cell) -> Network:
        """Return the network of a cell, which the run that trains it may change."""
        return next((run.changed(self.network) for run in self.grid.runs if run.trains(cell)), self.network)

    def cells(self, name: str) -> list[Cell]:
        """Return every cell of the grid, in the order of the settings."""
        return self.grid.cells(name, self.training.batch)

    def _asking(self, size: int) -> str:
        """Return which lists of the grid have a subset of a size, as the beginning of a sentence."""
        trained = any(size in run.subset_sizes for run in self.grid.runs)
        read = any(size == snapshot.subset_size for snapshot in self.grid.pretrained)
        if trained and read:
            return "grid.runs and grid.pretrained ask"
        return "grid.runs asks" if trained else "grid.pretrained asks"

    def sweep(self, name: str, sweep: str) -> list[Cell]:
        """Return the cells of one sweep; empty when the settings do not have it."""
        chosen: Slice | None = getattr(self.grid.sweeps, sweep)
        return [] if chosen is None else chosen.choose(self.cells(name))

    def sweeps(self, name: str) -> dict[str, list[Cell]]:
        """Return every sweep that the settings have."""
        found = {sweep: self.sweep(name, sweep) for sweep in Sweeps.model_fields}
        return {sweep: cells for sweep, cells in found.items() if cells}

    @model_validator(mode="after")
    def _possible(self) -> Dataset:
        cells = self.cells("dataset")
        if not cells:
            raise ValueError("grid has neither 'runs' nor 'pretrained' snapshots")
        doubled = [cell.id for cell, count in Counter(cells).items() if count > 1]
        if doubled:
            raise ValueError(f"grid.pretrained has {' and '.join(sorted(doubled))} more than once")
        halves: dict[int, set[str]] = {}
        for cell in cells:
            halves.setdefault(cell.subset_size, set()).add(cell.half)
        for size, both in halves.items():
            if size > self.available:
                apart = f" less heldout {self.heldout}" if isinstance(self.heldout, int) else ""
                raise ValueError(
                    f"{self._asking(size)} for {size} training images, but there are only {max(0, self.available)}: "
                    f"source.count {self.source.count}{apart}"
                )
            if len(both) == 2 and 2 * size > self.available:
                raise ValueError(
                    f"{self._asking(size)} for halves a and b of {size} images each, but they can be disjoint only "
                    f"up to {self.available // 2}"
                )
        for run in self.grid.runs:
            if not run.snapshots and not run.epochs:
                raise ValueError("a run of grid.runs needs 'snapshots' (images seen) or 'epochs'")
        for cell in cells:
            if len({run.changed(self.network) for run in self.grid.runs if run.trains(cell)}) > 1:
                raise ValueError(f"grid.runs gives {cell.run} different networks; give it one 'network'")
        halvings = max(len(network.channel_mult) for network in self.networks) - 1
        if self.resolution % 2**halvings:
            raise ValueError(
                f"resolution {self.resolution} cannot be halved {halvings} times, as network.channel_mult asks"
            )
        return self

    @model_validator(mode="after")
    def _swept(self) -> Dataset:
        cells = self.cells("dataset")
        for name in Sweeps.model_fields:
            chosen: Slice | None = getattr(self.grid.sweeps, name)
            if chosen is None:
                continue
            found, unknown = chosen.choose(cells), chosen.unknown(cells)
            if unknown or not found:
                what = ", ".join(unknown) or "a combination"
                raise ValueError(f"grid.sweeps.{name} asks for {what} that no cell of the grid has")
            first = [cell for cell in found if cell.replicate <= 1]
            both = {"a", "b"} if name.startswith("halves") else {"a"}
            if not both <= {cell.half for cell in first}:
                raise ValueError(f"grid.sweeps.{name} needs replicate 1 of half {' and half '.join(sorted(both))}")
            for axis in PLACES.get(name, ()):  # figures show samples of half a at each
                lacking = {getattr(cell, axis) for cell in found}
                lacking -= {getattr(cell, axis) for cell in first if cell.half == "a"}
                if lacking:
                    raise ValueError(f"grid.sweeps.{name} needs replicate 1 of half a at {axis} {min(lacking)} too")
            _check_unmixed(name, found)
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Dataset:
        cells = self.cells("dataset")
        if self.measures.levels != AUTOENCODERS and any(cell.is_levelwise for cell in cells):
            raise ValueError(
                f"measures.levels is {self.measures.levels}, but autoencoders are defined at the {AUTOENCODERS} of "
                f"that many levels: set it to {AUTOENCODERS}"
            )
        splice = self.sampling.splice
        if splice is not None and not splice.choose(cells):
            raise ValueError("sampling.splice names no cell of the grid; widen it or leave it out")
        jacobian = self.measures.jacobian
        if jacobian is not None and not jacobian.cells.choose(cells):
            raise ValueError("measures.jacobian.cells names no cell of the grid; widen it or give no measures.jacobian")
        if self.foreign == "heldout" and self.heldout == 0:
            raise ValueError("foreign is 'heldout', but no images are held out")
        for role in ("heldout", "foreign"):
            found = getattr(getattr(self, role), "count", getattr(self, role))
            if isinstance(found, int) and 0 < found < FEWEST_UNSEEN:
                raise ValueError(
                    f"{role} has {found} images, too few to measure half of them: give none, or at least "
                    f"{FEWEST_UNSEEN}"
                )
        if not set(self.inputs) - set(UNCERTAIN):
            raise ValueError("measures.inputs names no kind of image that the data set has; add 'train'")
        self.distillation.check(self.channels * self.resolution**2)
        if self.grid.runs and self.training.augment and not all(network.augment_dim for network in self.networks):
            raise ValueError("training.augment needs network.augment_dim 9, so that the network knows what was done")
        batch, gpus, microbatch = self.training.batch, self.training.gpus, self.training.microbatch
        if batch % gpus:
            raise ValueError(f"training.batch {batch} is not a multiple of gpus {gpus}")
        if microbatch and batch // gpus % microbatch:
            raise ValueError(f"training.batch {batch} over gpus {gpus} is not a multiple of microbatch {microbatch}")
        return self


def _check_unmixed(sweep: str, cells: Sequence[Cell]) -> None:
    """Refuse a sweep with networks that differ in more than where they are along it: its curves would mix them."""
    swept = PLACES.get(sweep, ())
    for axis, setting in COORDINATES.items():
        places = swept if axis in OWN.get(sweep, ()) else ()
        found: dict[tuple[object, ...], set[int | str]] = {}
        for cell in cells:
            found.setdefault(tuple(getattr(cell, place) for place in places), set()).add(getattr(cell, axis))
        mixed = [(place, values) for place, values in found.items() if len(values) > 1]
        if axis not in swept and mixed:
            place, values = mixed[0]
            where = "".join(f" at {name} {value}" for name, value in zip(places, place, strict=True))
            several = " and ".join(map(str, sorted(values)))
            raise ValueError(
                f"grid.sweeps.{sweep} has {axis} {several}{where}, which its curves would mix: name one in "
                f"grid.sweeps.{sweep}.{setting}"
            )
