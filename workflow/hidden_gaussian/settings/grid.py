"""The grid of a study: which cells exist, and which of them figures and claims use."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer, model_validator

from hidden_gaussian.cells import Cell
from hidden_gaussian.settings.strict import NonNegative, Positive, Strict

Half = Literal["a", "b"]
UNet = Literal["ve", "vp", "adm", "ve-baseline"]
Architecture = Literal[UNet, "dae-ve", "dae-skip", "dae-dit", "dae-linear"]
Scale = Annotated[int, Field(ge=2, multiple_of=2)]  # half of the channels embed sines, half cosines
COORDINATES = {
    "subset_sizes": "subset_size",
    "halves": "half",
    "architectures": "architecture",
    "scales": "scale",
    "replicates": "replicate",
    "images_seen": "images_seen",
}
"""Settings that choose cells, and the coordinate of a cell that each one restricts."""


class Network(Strict):
    """The denoising network without its scale; the names are EDM's."""

    channel_mult: tuple[Positive, ...] = Field(
        (1, 2, 2, 2), min_length=1, description="channels at each resolution as multiples of the scale, finest first"
    )
    blocks: Positive = Field(4, description="residual blocks at each resolution")
    attention_resolutions: tuple[Positive, ...] = Field((16,), description="resolutions with self-attention, in pixels")
    dropout: float = Field(0.05, ge=0, lt=1, description="probability of dropping a feature in training")
    sigma_data: float = Field(
        0.5, gt=0, description="standard deviation of the pixels in [-1, 1], used by the preconditioning"
    )
    augment_dim: Literal[0, 9] = Field(
        9, description="inputs that tell the network how its images were augmented; 9 if training.augment is above 0"
    )


class Run(Strict):
    """Training runs: every combination of the lists, each saved at every checkpoint."""

    subset_sizes: tuple[Annotated[int, Field(ge=2)], ...] = Field(
        min_length=1, description="numbers of training images N, at least 2"
    )
    halves: tuple[Half, ...] = Field(
        ("a",), min_length=1, description="halves; subsets of half a and half b share no image"
    )
    architectures: tuple[Architecture, ...] = Field(
        ("ve",),
        min_length=1,
        description="EDM's ve, vp, adm; ve-baseline, without preconditioning; dae-ve, dae-skip, dae-dit, dae-linear: "
        "denoising autoencoders, ten networks each, one per noise level",
    )
    scales: tuple[Scale, ...] = Field(
        min_length=1, description="numbers of base channels (EDM's cbase), even; no effect on dae-linear"
    )
    replicates: Annotated[int, Field(ge=1, le=1_000)] = Field(1, description="independent trainings, at most 1,000")
    snapshots: tuple[NonNegative, ...] = Field(
        (), description="images seen at which networks are saved; for autoencoders, images that each of the ten saw"
    )
    epochs: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (), description="further checkpoints, in epochs (images seen / N); both are rounded up to whole batches"
    )
    network: Network | None = Field(
        None, description="options that replace those of the dataset's network; options left out stay as they are"
    )

    @model_validator(mode="after")
    def _saved(self) -> Run:
        if not self.snapshots and not self.epochs:
            raise ValueError("snapshots: missing; a run needs 'snapshots' (images seen) or 'epochs'")
        return self

    @field_serializer("network")
    def _only_set(self, network: Network | None) -> dict[str, Any] | None:
        return None if network is None else network.model_dump(exclude_unset=True)

    def saved_at(self, subset_size: int, batch: int) -> tuple[int, ...]:
        """Return the images seen at which a run is saved: whole batches, ascending, without duplicates."""
        # exact fractions: in binary, 100 x 1.1 exceeds 110 and would be rounded up to one more batch
        epochs = [Fraction(str(epoch)) * subset_size for epoch in self.epochs]
        return tuple(sorted({math.ceil(seen / batch) * batch for seen in [*map(Fraction, self.snapshots), *epochs]}))

    def changed(self, network: Network) -> Network:
        """Return the network of this run, given the dataset's network."""
        if self.network is None:
            return network
        return network.model_copy(update={key: getattr(self.network, key) for key in self.network.model_fields_set})

    def trains(self, cell: Cell) -> bool:
        """Return whether this run trains the network of a cell, at this or another snapshot."""
        return (
            cell.subset_size in self.subset_sizes
            and cell.half in self.halves
            and cell.architecture in self.architectures
            and cell.scale in self.scales
            and 1 <= cell.replicate <= self.replicates
        )


class Pretrained(Strict):
    """A network that is imported from a file instead of trained; its replicate is 0."""

    path: str = Field(
        description="path of the file, or its name in 'archives': .safetensors, or NVIDIA's .pkl (its reader was "
        "tested on files of the same structure, not yet on a published one); the file may move, but under a new "
        "name it is imported again"
    )
    subset_size: Annotated[int, Field(ge=2)] = Field(description="number of training images N")
    half: Half = Field("a", description="half of its training images")
    architecture: UNet = Field("ve", description="architecture of the network")
    scale: Scale = Field(description="base channels (EDM's cbase), even")
    images_seen: Positive = Field(description="images seen in its training")
    sha256: str | None = Field(
        None, description="expected checksum of the file; null: the checksum is recorded but not compared"
    )

    def cell(self, dataset: str) -> Cell:
        """Return the cell of this network."""
        return Cell(dataset, self.subset_size, self.half, self.architecture, self.scale, 0, self.images_seen)


class Slice(Strict):
    """Cells of the grid, chosen by their coordinates; an empty list does not restrict its coordinate."""

    subset_sizes: tuple[Positive, ...] = Field((), description="numbers of training images N")
    halves: tuple[Half, ...] = Field((), description="halves")
    architectures: tuple[Architecture, ...] = Field((), description="architectures")
    scales: tuple[Positive, ...] = Field((), description="base channels")
    replicates: tuple[NonNegative, ...] = Field((), description="replicates, counted from 1; 0: pretrained")
    images_seen: tuple[NonNegative, ...] | Literal["all", "last"] = Field(
        "last", description="checkpoints: a list of images seen, all, or the last of each run"
    )

    def choose(self, cells: list[Cell]) -> list[Cell]:
        """Return the cells that this slice selects."""
        last: dict[str, int] = {}
        for cell in cells:
            last[cell.run] = max(cell.images_seen, last.get(cell.run, 0))
        return [cell for cell in cells if self._has(cell, last[cell.run])]

    def _has(self, cell: Cell, last: int) -> bool:
        if isinstance(self.images_seen, tuple):
            seen = cell.images_seen in self.images_seen
        else:
            seen = self.images_seen == "all" or cell.images_seen == last
        lists = {setting: getattr(self, setting) for setting in COORDINATES if setting != "images_seen"}
        return seen and all(not chosen or getattr(cell, COORDINATES[name]) in chosen for name, chosen in lists.items())

    def unknown(self, cells: list[Cell]) -> list[str]:
        """Return the values of this slice that no cell of the grid has, each with its setting."""
        return [
            f"{setting} {value}"
            for setting, coordinate in COORDINATES.items()
            if not isinstance(getattr(self, setting), str)
            for value in getattr(self, setting)
            if value not in {getattr(cell, coordinate) for cell in cells}
        ]


class Sweeps(Strict):
    """Named slices of the grid. Within a sweep only the swept coordinate, the half and the replicate vary.

    Otherwise its curves would mix networks: if runs end after different numbers of images, set `images_seen`. In
    `clock` two coordinates vary; architectures may differ in scale and training length.
    """

    size: Slice | None = Field(None, description="several subset sizes at equal images seen (Fig. 1, 6, 13)")
    scale: Slice | None = Field(None, description="several scales at one small subset size (Fig. 7)")
    time: Slice | None = Field(None, description="several checkpoints of one run (Fig. 8)")
    clock: Slice | None = Field(None, description="several subset sizes, each at several checkpoints, in one figure")
    architecture: Slice | None = Field(None, description="several architectures at one subset size (Fig. 11, 22-24)")
    halves_large: Slice | None = Field(None, description="both halves at a large size (Fig. 9a)")
    halves_small: Slice | None = Field(None, description="both halves at a small size (Fig. 9b)")
    halves_stopped: Slice | None = Field(None, description="both halves at the small size, stopped early (Fig. 9c)")
    halves_small_scale: Slice | None = Field(None, description="both halves at the small size, small scale (Fig. 9c)")


class Grid(Strict):
    """Which cells exist, and which of them each sweep uses."""

    runs: tuple[Run, ...] = Field((), description="training runs")
    pretrained: tuple[Pretrained, ...] = Field((), description="networks imported from files")
    sweeps: Sweeps = Field(
        description="slices of the grid for figures, tables and claims; only cells in a sweep, or named by "
        "sampling.splice or measures.jacobian, are measured; others are trained only if a later one continues them"
    )

    @property
    def largest_scale(self) -> int:
        """The largest number of base channels of any network."""
        scales = [scale for run in self.runs for scale in run.scales]
        return max([*scales, *(network.scale for network in self.pretrained)])

    def cells(self, dataset: str, batch: int) -> list[Cell]:
        """Return every cell, in the order of the settings; training lengths are rounded up to whole batches."""
        cells: dict[Cell, None] = {}
        for run in self.runs:
            trainings = itertools.product(
                run.subset_sizes, run.halves, run.architectures, run.scales, range(1, run.replicates + 1)
            )
            for size, half, architecture, scale, replicate in trainings:
                for seen in run.saved_at(size, batch):
                    cells[Cell(dataset, size, half, architecture, scale, replicate, seen)] = None
        return [*cells, *(network.cell(dataset) for network in self.pretrained)]
