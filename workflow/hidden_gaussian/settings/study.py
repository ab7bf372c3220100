"""A study: one configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import Field, ValidationError, model_validator

from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import error_messages
from hidden_gaussian.settings.dataset import Dataset
from hidden_gaussian.settings.grid import Pretrained
from hidden_gaussian.settings.source import Download, Source
from hidden_gaussian.settings.strict import NonNegative, Strict

Located = TypeVar("Located", Source, Pretrained)
Name = Annotated[str, Field(pattern=error_messages.NAME)]


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
        cells = dataset.cells(name)
        content["training"] = dataset.training.recipe(*{cell.architecture for cell in cells})
        others = {cell.run: dataset.network_of(cell) for cell in cells}
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
        raise InputError(error_messages.sentence(error)) from None


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
