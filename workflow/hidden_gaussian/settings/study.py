"""A study: one configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from hidden_gaussian import versions
from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import error_messages
from hidden_gaussian.settings.dataset import IDENTITY, Dataset
from hidden_gaussian.settings.grid import Pretrained
from hidden_gaussian.settings.source import Download, Source
from hidden_gaussian.settings.strict import NonNegative, Strict

Located = TypeVar("Located", Source, Pretrained)
ROLES = ("source", "heldout", "foreign")
"""Settings of a dataset that may be sources of images."""
Name = Annotated[str, Field(pattern=error_messages.NAME)]


class Study(Strict):
    """One configuration file."""

    study: Name = Field(description="name of the study, which protects its results from other studies")
    seed: NonNegative = Field(0, description="seed that all random numbers derive from")
    results: str = Field("results", min_length=1, description="folder for the results")
    retrain: bool = Field(False, description="whether a run may train finished networks again; changes no result")
    archives: dict[Name, str] = Field(
        {}, description="paths of archives and folders by name; a source gives the name as its 'path'"
    )
    downloads: dict[Name, Download] = Field(
        {}, description="where archives can be downloaded, by the same names; for those already known see docs/data.md"
    )
    datasets: dict[Name, Dataset] = Field(
        min_length=1, description="datasets by name; a name belongs to one study only"
    )

    def located(self, source: Located) -> Located:
        """Return a source or pretrained network with its path on disk; for surrogates, the source dataset's images."""
        if isinstance(source, Source) and source.of is not None:
            return source.model_copy(update={"path": f"{self.results}/{source.of}/images.npy"})
        return source.model_copy(update={"path": self.archives.get(source.path or "", source.path)})

    @field_validator("results")
    @classmethod
    def _plainly_written(cls, results: str) -> str:
        """Return the path without a leading ``./`` or a final slash, since files are compared by their paths."""
        return str(Path(results))

    @model_validator(mode="after")
    def _surrogates_have_sources(self) -> Study:
        for name, dataset in self.datasets.items():
            for role in ROLES:
                source = getattr(dataset, role)
                if isinstance(source, Source) and source.of is not None:
                    self._check_surrogate(f"datasets.{name}.{role}.of", source.of, dataset)
        return self

    def _check_surrogate(self, key: str, of: str, dataset: Dataset) -> None:
        original = self.datasets.get(of)
        if original is None or original.source.is_surrogate:
            raise ValueError(f"{key}: found '{of}'; expected a dataset of this study that is not itself a surrogate")
        if (original.resolution, original.colour) != (dataset.resolution, dataset.colour):
            raise ValueError(f"{key}: '{of}' has another resolution or colour; make them the same")

    def numbers(self, name: str) -> dict[str, Any]:
        """Return every setting that a number of a dataset depends on, and the versions; no paths.

        Which cells there are is not among them: the files of a cell are the same whatever other cells there are.
        """
        dataset = self.datasets[name]
        cells = dataset.cells(name)
        content = dataset.model_dump(mode="json", include=set(IDENTITY))
        for role in ROLES:
            if isinstance(content[role], dict):
                content[role].pop("path")
        return {
            "study": self.study,
            "seed": self.seed,
            **content,
            "training": {"microbatch": None, **dataset.training.recipe(*{cell.architecture for cell in cells})},
            "networks": {cell.run: dataset.network_of(cell).model_dump(mode="json") for cell in cells},
            "sampling": dataset.sampling.model_dump(mode="json", exclude={"splice"}),
            "measures": dataset.measures.model_dump(mode="json", exclude={"jacobian": {"cells"}}),
            "distillation": dataset.distillation.model_dump(mode="json", exclude={"cells": True, "adam": {"cells"}}),
            "versions": versions.all_versions(),
        }


def read(config: dict[str, Any]) -> Study:
    """Check a configuration and return the study.

    Raises
    ------
    InputError
        If settings are wrong; the message names each key, what was found and what was expected.
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
        raise InputError(f"{path}: there is no such configuration file; check the path") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML ({error}); correct it") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no settings; expected the keys of a study, such as 'datasets'")
    return read(content)
