"""A dataset of a study: its images, its grid of networks, and how they are trained, sampled and measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from hidden_gaussian.cells import Cell
from hidden_gaussian.noise_schedule import AUTOENCODERS
from hidden_gaussian.settings.distillation import Distillation
from hidden_gaussian.settings.grid import COORDINATES, Grid, Network, Slice, Sweeps
from hidden_gaussian.settings.measures import FEWEST_UNSEEN, UNCERTAIN, Measured, Measures
from hidden_gaussian.settings.sampling import Sampling
from hidden_gaussian.settings.source import Source
from hidden_gaussian.settings.strict import BLOCK, EITHER, VALUE, NonNegative, Strict
from hidden_gaussian.settings.training import Training

Chosen = TypeVar("Chosen", Measures, Distillation)

AXES = {
    "size": ("subset_size",),
    "scale": ("scale",),
    "time": ("images_seen",),
    "architecture": ("architecture",),
    "clock": ("subset_size", "images_seen"),
}
"""The coordinates that vary along a sweep. All sweeps may also vary half and replicate, which curves average."""

FREE = {"architecture": ("scale", "images_seen")}
"""Coordinates that may differ between the points of a sweep: architectures have their own scales and trainings."""

IDENTITY = frozenset({"source", "resolution", "colour", "heldout", "foreign", "near_duplicates", "network", "training"})
"""Settings of data and training: studies that share a results folder have the same."""


class Dataset(Strict):
    """One source of images at one resolution, with its networks and measurements."""

    source: Source = Field(description="the training images")
    resolution: Annotated[int, Field(ge=4)] = Field(description="width and height in pixels; images are resized to it")
    colour: Literal["rgb", "grey"] = Field("rgb", description="rgb: three channels; grey: one")
    heldout: Annotated[Annotated[NonNegative, VALUE] | Annotated[Source, BLOCK], EITHER] = Field(
        0,
        description="images never trained on: a number of images of the source, or a source of their own; 0, or at "
        f"least {FEWEST_UNSEEN}",
    )
    foreign: Annotated[Annotated[Source, BLOCK] | Annotated[Literal["heldout"] | None, VALUE], EITHER] = Field(
        None,
        description=f"a source of at least {FEWEST_UNSEEN} images that serve as inputs only; heldout: the held-out "
        "images, measured once; null: none",
    )
    near_duplicates: bool = Field(
        True,
        description="treat nearly equal images as duplicates, which stay on one side of every split, from 16 pixels a "
        "side; compares all pairs of images",
    )
    network: Network = Field(Network(), description="the network, without its scale")
    training: Training = Field(Training(), description="how networks are trained")
    grid: Grid = Field(description="training runs and sweeps")
    sampling: Sampling = Field(Sampling(), description="sample sets")
    measures: Measures = Field(Measures(), description="measurements on noisy images")
    distillation: Distillation = Field(Distillation(), description="linear distillation")
    speed: float = Field(
        500.0,
        gt=0,
        description="images trained per second at the largest scale; used only to estimate hours and to request time "
        "on a cluster",
    )

    @field_validator("measures", "distillation")
    @classmethod
    def _named_once(cls, chosen: Chosen, info: ValidationInfo) -> Chosen:
        """Replace foreign inputs by held-out ones if both are the same images, which are then measured once."""
        if info.data.get("foreign") != "heldout" or "heldout" in chosen.inputs:
            return chosen
        names = tuple("heldout" if name == "foreign" else name for name in chosen.inputs)
        return chosen.model_copy(update={"inputs": names})

    @property
    def channels(self) -> int:
        """Number of colour channels."""
        return 3 if self.colour == "rgb" else 1

    @property
    def available(self) -> int:
        """Number of images of the source that may be trained on."""
        return self.source.count - (self.heldout if isinstance(self.heldout, int) else 0)

    @property
    def inputs(self) -> tuple[Measured, ...]:
        """Kinds of input that are measured and that the dataset has."""
        absent = set()
        if self.heldout == 0:
            absent.add("heldout")
        if self.foreign is None or self.foreign == "heldout":
            absent.add("foreign")
        return tuple(name for name in self.measures.inputs if name not in absent)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The network, and its variants in runs of the grid."""
        return self.network, *(run.changed(self.network) for run in self.grid.runs)

    def network_of(self, cell: Cell) -> Network:
        """Return the network of a cell, with the options of the run that trains it."""
        return next((run.changed(self.network) for run in self.grid.runs if run.trains(cell)), self.network)

    def cells(self, name: str) -> list[Cell]:
        """Return every cell of the grid, in the order of the settings."""
        return self.grid.cells(name, self.training.batch)

    def sweep(self, name: str, sweep: str) -> list[Cell]:
        """Return the cells of one sweep; none if the settings do not have it."""
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
            raise ValueError("grid: found neither 'runs' nor 'pretrained'; give one of them")
        repeated = [cell.id for cell, count in Counter(cells).items() if count > 1]
        if repeated:
            raise ValueError(f"grid.pretrained: has {' and '.join(sorted(repeated))} more than once; list each once")
        self._check_sizes(cells)
        for cell in cells:
            if len({run.changed(self.network) for run in self.grid.runs if run.trains(cell)}) > 1:
                raise ValueError(f"grid.runs: gives {cell.run} different networks; give it one 'network'")
        halvings = max(len(network.channel_mult) for network in self.networks) - 1
        if self.resolution % 2**halvings:
            raise ValueError(
                f"resolution: {self.resolution} cannot be halved {halvings} times; expected a multiple of "
                f"{2**halvings}, or a shorter network.channel_mult"
            )
        return self

    def _check_sizes(self, cells: Sequence[Cell]) -> None:
        """Refuse subsets that are larger than the source, or that do not fit twice where both halves are used."""
        trained = {size for run in self.grid.runs for size in run.subset_sizes}
        for size in dict.fromkeys(cell.subset_size for cell in cells):
            key = "grid.runs" if size in trained else "grid.pretrained"
            if size > self.available:
                apart = f" minus heldout {self.heldout}" if isinstance(self.heldout, int) else ""
                raise ValueError(
                    f"{key}: found {size} training images; expected at most {max(0, self.available)} "
                    f"(source.count {self.source.count}{apart})"
                )
            if 2 * size > self.available and len({cell.half for cell in cells if cell.subset_size == size}) == 2:
                raise ValueError(
                    f"{key}: found halves a and b of {size} images each; expected at most {self.available // 2}, so "
                    "that they are disjoint"
                )

    @model_validator(mode="after")
    def _swept(self) -> Dataset:
        cells = self.cells("dataset")
        for name in Sweeps.model_fields:
            chosen: Slice | None = getattr(self.grid.sweeps, name)
            if chosen is not None:
                _check_sweep(name, chosen, cells)
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Dataset:
        cells, jacobian = self.cells("dataset"), self.measures.jacobian
        if self.measures.levels != AUTOENCODERS and any(cell.is_levelwise for cell in cells):
            raise ValueError(
                f"measures.levels: found {self.measures.levels}; expected {AUTOENCODERS}, the levels at which "
                "autoencoders are defined"
            )
        slices = {
            "sampling.splice": self.sampling.splice,
            "measures.jacobian.cells": jacobian.cells if jacobian else None,
        }
        for key, chosen in slices.items():
            if chosen is not None and not chosen.choose(cells):
                raise ValueError(
                    f"{key}: selects no cell of the grid; widen it, or set {key.split('.cells')[0]} to null"
                )
        if not set(self.inputs) - set(UNCERTAIN):
            raise ValueError("measures.inputs: names no kind of image that the dataset has; add 'train'")
        self.distillation.check(self.channels * self.resolution**2)
        if self.grid.runs and self.training.augment and not all(network.augment_dim for network in self.networks):
            raise ValueError(
                "network.augment_dim: found 0 with training.augment above 0; set it to 9, so that the network is told "
                "how its images were augmented, or set training.augment to 0"
            )
        return self

    @model_validator(mode="after")
    def _enough_unseen(self) -> Dataset:
        if self.foreign == "heldout" and self.heldout == 0:
            raise ValueError("foreign: found 'heldout', but no images are held out; set 'heldout', or foreign to null")
        for role in ("heldout", "foreign"):
            count = getattr(getattr(self, role), "count", getattr(self, role))
            if isinstance(count, int) and 0 < count < FEWEST_UNSEEN:
                raise ValueError(
                    f"{role}: found {count} images; expected none, or at least {FEWEST_UNSEEN}, since "
                    "half of them are measured"
                )
        return self

    @model_validator(mode="after")
    def _divisible(self) -> Dataset:
        batch, gpus, microbatch = self.training.batch, self.training.gpus, self.training.microbatch
        if batch % gpus:
            raise ValueError(f"training.batch: found {batch}; expected a multiple of gpus {gpus}")
        if microbatch and batch // gpus % microbatch:
            raise ValueError(
                f"training.batch: found {batch}; expected a multiple of gpus {gpus} x microbatch {microbatch}"
            )
        return self


def _check_sweep(name: str, chosen: Slice, cells: list[Cell]) -> None:
    """Refuse a sweep that selects no cell, that lacks first replicates, or whose curves would mix networks."""
    key, selected, unknown = f"grid.sweeps.{name}", chosen.choose(cells), chosen.unknown(cells)
    if unknown or not selected:
        values = ", ".join(unknown) or "this combination of values"
        raise ValueError(f"{key}: no cell of the grid has {values}; expected values of grid.runs or grid.pretrained")
    first = [cell for cell in selected if cell.replicate <= 1]
    halves = {"a", "b"} if name.startswith("halves") else {"a"}
    if not halves <= {cell.half for cell in first}:
        raise ValueError(f"{key}: needs replicate 1 of half {' and half '.join(sorted(halves))}; add it")
    for axis in AXES.get(name, ()):  # figures show samples of half a at each point
        lacking = {getattr(cell, axis) for cell in selected}
        lacking -= {getattr(cell, axis) for cell in first if cell.half == "a"}
        if lacking:
            raise ValueError(f"{key}: needs replicate 1 of half a at {axis} {min(lacking)} too; add it")
    for setting, coordinate in COORDINATES.items():
        if coordinate not in ("half", "replicate", *AXES.get(name, ())):
            _check_unmixed(name, setting, selected)


def _check_unmixed(sweep: str, setting: str, cells: Sequence[Cell]) -> None:
    """Refuse a sweep in which a coordinate varies that is not swept."""
    coordinate = COORDINATES[setting]
    axes = AXES.get(sweep, ()) if coordinate in FREE.get(sweep, ()) else ()
    values: dict[tuple[object, ...], set[int | str]] = {}
    for cell in cells:
        values.setdefault(tuple(getattr(cell, axis) for axis in axes), set()).add(getattr(cell, coordinate))
    for point, mixed in values.items():
        if len(mixed) > 1:
            where = "".join(f" at {axis} {value}" for axis, value in zip(axes, point, strict=True))
            raise ValueError(
                f"grid.sweeps.{sweep}: found {coordinate} {' and '.join(map(str, sorted(mixed)))}{where}, which its "
                f"curves would mix; select one in grid.sweeps.{sweep}.{setting}"
            )
