"""The grid of a study: which cells exist, and which of them the figures and claims look at."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer

from hidden_gaussian.cells import Cell
from hidden_gaussian.settings.strict import NonNegative, Positive, Strict

Half = Literal["a", "b"]
UNet = Literal["ve", "vp", "adm", "ve-baseline"]
Architecture = Literal[UNet, "dae-ve", "dae-skip", "dae-dit", "dae-linear"]
Scale = Annotated[int, Field(ge=2, multiple_of=2)]  # half of the channels embed sines, half cosines


class Network(Strict):
    """The denoising network, all but its scale (EDM's options)."""

    channel_mult: tuple[Positive, ...] = Field(
        (1, 2, 2, 2), min_length=1, description="channels at each resolution, in scales"
    )
    blocks: Positive = Field(4, description="residual blocks at each resolution")
    attention_resolutions: tuple[Positive, ...] = Field((16,), description="resolutions with self-attention")
    dropout: float = Field(0.05, ge=0, lt=1, description="probability of dropping a feature in training")
    sigma_data: float = Field(0.5, gt=0, description="standard deviation of the pixels, for the preconditioning")
    augment_dim: Literal[0, 9] = Field(9, description="inputs for the augmentation labels")


class Run(Strict):
    """Training runs: every combination of the lists, each kept at every snapshot."""

    subset_sizes: tuple[Annotated[int, Field(ge=2)], ...] = Field(
        min_length=1, description="numbers of training images, at least 2"
    )
    halves: tuple[Half, ...] = Field(("a",), min_length=1, description="which end of the permutation")
    architectures: tuple[Architecture, ...] = Field(
        ("ve",),
        min_length=1,
        description="network architectures: EDM's, the VE baseline without preconditioning, and denoising "
        "autoencoders, which are ten networks, one a noise level",
    )
    scales: tuple[Scale, ...] = Field(
        min_length=1, description="base channels (EDM's cbase), even; of no effect on dae-linear"
    )
    replicates: Annotated[int, Field(ge=1, le=1_000)] = Field(1, description="independent trainings, at most 1,000")
    snapshots: tuple[NonNegative, ...] = Field(
        (), description="images seen at which the run is kept; of autoencoders, images that each of the ten saw"
    )
    epochs: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (), description="the same in epochs; both are rounded up to whole batches"
    )
    network: Network | None = Field(
        None, description="options in which its networks differ from the data set's: only those given here"
    )

    @field_serializer("network")
    def _only_given(self, network: Network | None) -> dict[str, Any] | None:
        return None if network is None else network.model_dump(exclude_unset=True)

    def kept(self, subset_size: int, batch: int) -> tuple[int, ...]:
        """Return the images seen at which a run is kept: whole batches, ascending, without duplicates.

        Epochs are the decimals that were written: as binary numbers some exceed them, and with them a whole batch.
        """
        epochs = [Fraction(str(epoch)) for epoch in self.epochs]
        wanted = [*map(Fraction, self.snapshots), *(epoch * subset_size for epoch in epochs)]
        return tuple(sorted({math.ceil(images / batch) * batch for images in wanted}))

    def changed(self, network: Network) -> Network:
        """Return the network of this run, from that of the data set."""
        if self.network is None:
            return network
        return network.model_copy(update={key: getattr(self.network, key) for key in self.network.model_fields_set})

    def trains(self, cell: Cell) -> bool:
        """Tell whether this run trains the networks of a cell, at this or another snapshot."""
        return (
            cell.subset_size in self.subset_sizes
            and cell.half in self.halves
            and cell.architecture in self.architectures
            and cell.scale in self.scales
            and 1 <= cell.replicate <= self.replicates
        )


class Pretrained(Strict):
    """A snapshot that comes from a file instead of a training run; its replicate is 0."""

    path: str = Field(
        description="the file, or its name among the archives: .safetensors, or NVIDIA's .pkl, whose reader was tested "
        "on files of the same structure and has not met a published one; it may move, and is imported again under "
        "another name"
    )
    subset_size: Annotated[int, Field(ge=2)] = Field(description="number of training images")
    half: Half = Field("a", description="which end of the permutation")
    architecture: UNet = Field("ve", description="network architecture")
    scale: Scale = Field(description="base channels (EDM's cbase), even")
    images_seen: Positive = Field(description="images seen in its training")
    sha256: str | None = Field(None, description="checksum of the file; recorded in imported.json in any case")

    def cell(self, dataset: str) -> Cell:
        """Return the cell that this file is."""
        return Cell(dataset, self.subset_size, self.half, self.architecture, self.scale, 0, self.images_seen)


class Slice(Strict):
    """Cells of the grid chosen by their coordinates; a list not given leaves its coordinate free."""

    subset_sizes: tuple[Positive, ...] = Field((), description="numbers of training images")
    halves: tuple[Half, ...] = Field((), description="halves")
    architectures: tuple[Architecture, ...] = Field((), description="architectures")
    scales: tuple[Positive, ...] = Field((), description="base channels")
    replicates: tuple[NonNegative, ...] = Field((), description="indices of independent trainings, from 1; 0 is a file")
    images_seen: tuple[NonNegative, ...] | Literal["all", "last"] = Field(
        "last", description="snapshots: a list, all, or the last of each run"
    )

    def choose(self, cells: list[Cell]) -> list[Cell]:
        """Return the cells that this slice names."""
        last: dict[str, int] = {}
        for cell in cells:
            last[cell.run] = max(cell.images_seen, last.get(cell.run, 0))
        return [cell for cell in cells if self._has(cell, last[cell.run])]

    def _has(self, cell: Cell, last: int) -> bool:
        if isinstance(self.images_seen, tuple):
            seen = cell.images_seen in self.images_seen
        else:
            seen = self.images_seen == "all" or cell.images_seen == last
        return (
            seen
            and (not self.subset_sizes or cell.subset_size in self.subset_sizes)
            and (not self.halves or cell.half in self.halves)
            and (not self.architectures or cell.architecture in self.architectures)
            and (not self.scales or cell.scale in self.scales)
            and (not self.replicates or cell.replicate in self.replicates)
        )

    def unknown(self, cells: list[Cell]) -> list[str]:
        """Return the values asked for that no cell of the grid has."""
        axes: dict[str, set[object]] = {
            "subset_sizes": {cell.subset_size for cell in cells},
            "halves": {cell.half for cell in cells},
            "architectures": {cell.architecture for cell in cells},
            "scales": {cell.scale for cell in cells},
            "replicates": {cell.replicate for cell in cells},
            "images_seen": {cell.images_seen for cell in cells},
        }
        asked = {name: getattr(self, name) for name in axes}
        return [
            f"{name} {value}"
            for name, values in asked.items()
            if not isinstance(values, str)
            for value in values
            if value not in axes[name]
        ]


class Sweeps(Strict):
    """Named slices of the grid; the networks of one differ in what it is named after, in halves and replicates alone.

    So that no curve mixes others: where runs end after different numbers of images, `images_seen` has to be given.
    Architectures may have scales and trainings of their own.
    """

    size: Slice | None = Field(None, description="several subset sizes at equal images seen (Fig. 1, 6, 13)")
    scale: Slice | None = Field(None, description="several scales at one small subset size (Fig. 7)")
    time: Slice | None = Field(None, description="several snapshots of one run (Fig. 8)")
    clock: Slice | None = Field(None, description="several subset sizes at several snapshots each, on one axis")
    architecture: Slice | None = Field(None, description="several architectures at one subset size (Fig. 11, 22-24)")
    halves_large: Slice | None = Field(None, description="both halves at a large size (Fig. 9a)")
    halves_small: Slice | None = Field(None, description="both halves at a small size (Fig. 9b)")
    halves_stopped: Slice | None = Field(None, description="both small halves, stopped early (Fig. 9c)")
    halves_small_scale: Slice | None = Field(None, description="both small halves, small networks (Fig. 9c)")


class Grid(Strict):
    """Which cells exist, and which of them each sweep shows."""

    runs: tuple[Run, ...] = Field((), description="training runs")
    pretrained: tuple[Pretrained, ...] = Field((), description="snapshots that come from files")
    sweeps: Sweeps = Field(
        description="named slices for figures, tables and claims; cells that are in none are not measured, and trained "
        "only where a later snapshot of their run needs them, unless sampling.splice or measures.jacobian names them"
    )

    @property
    def largest_scale(self) -> int:
        """The most base channels of any network."""
        scales = [scale for run in self.runs for scale in run.scales]
        return max([*scales, *(snapshot.scale for snapshot in self.pretrained)])

    def cells(self, dataset: str, batch: int) -> list[Cell]:
        """Return every cell, in the order of the settings; training goes in whole batches."""
        cells: dict[Cell, None] = {}
        for run in self.runs:
            for size in run.subset_sizes:
                for half in run.halves:
                    for architecture in run.architectures:
                        for scale in run.scales:
                            for replicate in range(1, run.replicates + 1):
                                for seen in run.kept(size, batch):
                                    cells[Cell(dataset, size, half, architecture, scale, replicate, seen)] = None
        return [*cells, *(snapshot.cell(dataset) for snapshot in self.pretrained)]
