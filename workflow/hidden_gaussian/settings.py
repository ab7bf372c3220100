"""The study: everything a user may choose, closed against misspelling, checked before anything runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import Field, ValidationError, model_validator

from hidden_gaussian import complaints
from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError
from hidden_gaussian.grid import Grid, Network, NonNegative, Positive, Pretrained, Slice, Strict, Sweeps
from hidden_gaussian.levels import AUTOENCODERS
from hidden_gaussian.measuring import FEWEST, UNCERTAIN, Distillation, Measured, Measures, Reference
from hidden_gaussian.source import Download, Source

Located = TypeVar("Located", Source, Pretrained)
Name = Annotated[str, Field(pattern=complaints.NAME)]


class Training(Strict):
    """The recipe of training; lengths are in images seen."""

    batch: Positive = Field(256, description="images a step")
    gpus: Positive = Field(
        1,
        description="devices that share each batch; processes on the cores where there is no GPU; autoencoders are "
        "trained on one",
    )
    microbatch: Positive | None = Field(None, description="images a pass, when a share does not fit its device")
    learning_rate: float = Field(2e-4, gt=0, description="Adam's step size after the warm-up")
    warmup: NonNegative = Field(10_000_000, description="images until the learning rate is reached, linearly")
    ema_half_life: Positive = Field(500_000, description="images until an old weight counts half in the average")
    ema_rampup: float | None = Field(0.05, gt=0, description="the half-life is at most this share of images seen")
    p_mean: float = Field(-1.2, description="mean of ln sigma in training")
    p_std: float = Field(1.2, gt=0, description="standard deviation of ln sigma in training")
    augment: float = Field(0.15, ge=0, le=1, description="probability of each geometric augmentation")
    x_flip: bool = Field(False, description="mirror half of the images, unknown to the network")
    precision: Literal["fp32", "tf32", "bf16"] = Field("fp32", description="arithmetic of the network")
    checkpoint_minutes: float = Field(5.0, gt=0, description="minutes between two writes of the unfinished state")

    def recipe(self) -> dict[str, Any]:
        """Return what the numbers depend on: not how a batch is cut, or how often the state is saved."""
        return self.model_dump(mode="json", exclude={"gpus", "microbatch", "checkpoint_minutes"})


class Sampling(Strict):
    """Sample sets of shared latents."""

    count: Annotated[int, Field(ge=FEWEST)] = Field(256, description=f"samples a set, at least {FEWEST}")
    sampler: Literal["heun18", "heun40"] = Field(
        "heun18", description="solver of the networks' sample sets; autoencoders have euler10"
    )
    references: tuple[Reference, ...] = Field(
        (), description="further reference denoisers of every subset that samples are drawn of, named as in measures"
    )
    splice: Slice | None = Field(
        None, description="cells whose samples are drawn again with another denoiser at some noise levels"
    )
    splice_ends: tuple[Annotated[float, Field(ge=0, le=80)], ...] = Field(
        (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 80.0),
        min_length=2,
        description="ends of the ranges of noise levels that are replaced: every pair; the lower end is excluded",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Sampling:
        if list(self.splice_ends) != sorted(set(self.splice_ends)):
            raise ValueError(f"splice_ends are {list(self.splice_ends)}; expected ascending numbers, each once")
        return self


class Dataset(Strict):
    """A named image source at one resolution, with its own recipe."""

    source: Source = Field(description="the training images")
    resolution: Annotated[int, Field(ge=4)] = Field(description="pixels a side")
    colour: Literal["rgb", "grey"] = Field("rgb", description="channels")
    heldout: NonNegative | Source = Field(
        0, description=f"images set aside and never trained on: a number, or a source; none, or at least {FEWEST}"
    )
    foreign: Source | Literal["heldout"] | None = Field(
        None, description=f"images used only as inputs, at least {FEWEST}"
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
                    f"grid.runs asks for {size} training images, but there are only {max(0, self.available)}: "
                    f"source.count {self.source.count}{apart}"
                )
            if len(both) == 2 and 2 * size > self.available:
                raise ValueError(
                    f"grid.runs asks for halves a and b of {size} images each, but they can be disjoint only up to "
                    f"{self.available // 2}"
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
    def _consistent(self) -> Dataset:
        cells = self.cells("dataset")
        if self.measures.levels != AUTOENCODERS and any(cell.is_levelwise for cell in cells):
            raise ValueError(
                f"measures.levels is {self.measures.levels}, but autoencoders are defined at the {AUTOENCODERS} of "
                f"that many levels: set it to {AUTOENCODERS}"
            )
        for name in Sweeps.model_fields:
            chosen: Slice | None = getattr(self.grid.sweeps, name)
            if chosen is None:
                continue
            unknown = chosen.unknown(cells)
            if unknown or not chosen.choose(cells):
                what = ", ".join(unknown) or "a combination"
                raise ValueError(f"grid.sweeps.{name} asks for {what} that no run of grid.runs has")
            both = {"a", "b"} if name.startswith("halves") else {"a"}
            if not both <= {cell.half for cell in chosen.choose(cells) if cell.replicate <= 1}:
                raise ValueError(f"grid.sweeps.{name} needs replicate 1 of half {' and half '.join(sorted(both))}")
        splice = self.sampling.splice
        if splice is not None and not splice.choose(cells):
            raise ValueError("sampling.splice names no cell of grid.runs; widen it or leave it out")
        if self.foreign == "heldout" and self.heldout == 0:
            raise ValueError("foreign is 'heldout', but no images are held out")
        for role in ("heldout", "foreign"):
            found = getattr(getattr(self, role), "count", getattr(self, role))
            if isinstance(found, int) and 0 < found < FEWEST:
                raise ValueError(f"{role} has {found} images, too few to resample: give none, or {FEWEST} at least")
        if not set(self.inputs) - set(UNCERTAIN):
            raise ValueError("measures.inputs names no kind of image that the data set has; add 'train'")
        if self.distillation.cells.choose(cells) and set(self.distillation.inputs) & set(self.inputs):
            self.distillation.check(self.channels * self.resolution**2)
        if self.training.augment and not all(network.augment_dim for network in self.networks):
            raise ValueError("training.augment needs network.augment_dim 9, so that the network knows what was done")
        batch, gpus, microbatch = self.training.batch, self.training.gpus, self.training.microbatch
        if batch % gpus:
            raise ValueError(f"training.batch {batch} is not a multiple of gpus {gpus}")
        if microbatch and batch // gpus % microbatch:
            raise ValueError(f"training.batch {batch} over gpus {gpus} is not a multiple of microbatch {microbatch}")
        return self


class Study(Strict):
    """One configuration file."""

    study: Name = Field(description="name of the study; results of another study are never overwritten")
    seed: NonNegative = Field(0, description="root of every random number")
    results: str = Field("results", min_length=1, description="folder of the results")
    archives: dict[Name, str] = Field(
        {}, description="places of archives and folders, by the name a source's path gives"
    )
    downloads: dict[Name, Download] = Field(
        {}, description="where archives may be fetched from, by the same names; several are known, see docs/data.md"
    )
    datasets: dict[Name, Dataset] = Field(min_length=1, description="data sets by name, unique across studies")

    def located(self, source: Located) -> Located:
        """Return a source or a snapshot with its place: packed images, the archive its path names, or the path."""
        if isinstance(source, Source) and source.of is not None:
            return source.model_copy(update={"path": f"{self.results}/{source.of}/images.npy"})
        return source.model_copy(update={"path": self.archives.get(source.path or "", source.path)})

    @model_validator(mode="after")
    def _imitable(self) -> Study:
        for name, dataset in self.datasets.items():
            for role in ("source", "heldout", "foreign"):
                source = getattr(dataset, role)
                if isinstance(source, Source) and source.of is not None:
                    self._check_imitated(f"datasets.{name}.{role}.of", source.of, dataset)
        return self

    def _check_imitated(self, key: str, of: str, dataset: Dataset) -> None:
        original = self.datasets.get(of)
        if original is None or original.source.is_surrogate:
            raise ValueError(f"{key} is '{of}'; expected a data set of this study that is no surrogate itself")
        if (original.resolution, original.colour) != (dataset.resolution, dataset.colour):
            raise ValueError(f"{key} is '{of}', whose resolution or colour is another; make them the same")

    def identity(self, name: str) -> dict[str, Any]:
        """Return what makes results of a dataset those of this study: data and training, not places or figures."""
        kept = {"source", "resolution", "colour", "heldout", "foreign", "near_duplicates", "network", "training"}
        dataset = self.datasets[name]
        content = dataset.model_dump(mode="json", include=kept)
        content["training"] = dataset.training.recipe()
        others = {cell.run: dataset.network_of(cell) for cell in dataset.cells(name)}
        changed = {run: own.model_dump(mode="json") for run, own in others.items() if own != dataset.network}
        content |= {"networks": changed} if changed else {}
        for role in ("source", "heldout", "foreign"):
            if isinstance(content[role], dict):
                content[role].pop("path")
        return {"study": self.study, "seed": self.seed, **content}


def read(config: dict[str, Any]) -> Study:
    """Check a configuration and return the study.

    Raises
    ------
    InputError
        Naming every key that is wrong, what was found and what was expected.
    """
    try:
        return Study.model_validate(config)
    except ValidationError as error:
        raise InputError(complaints.sentence(error)) from None


def load(path: str | Path) -> Study:
    """Read a study from its YAML file.

    Raises
    ------
    InputError
        If the file is missing, is not YAML, or :func:`read` refuses it.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such configuration file") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no settings; expected the keys of a study, such as 'datasets'")
    return read(content)
