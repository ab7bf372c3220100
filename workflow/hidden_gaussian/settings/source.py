"""Where images come from, and where archives may be fetched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hidden_gaussian.settings.strict import Positive, Strict


class Source(Strict):
    """Where images come from."""

    kind: Literal[
        "digits",
        "photographs",
        "zip",
        "folder",
        "npz",
        "torchvision",
        "cifar10",
        "gaussian-surrogate",
        "phase-surrogate",
    ] = Field(
        description="scikit-learn's digits or patches of its photographs; PNG/JPEG in a zip or folder; an array in "
        "an .npz; a torchvision data set; CIFAR-10's original archive; random images with the mean and covariance of "
        "another data set of the study, or with its mean and power spectra"
    )
    count: Positive = Field(description="how many images the source holds; checked when it is packed")
    of: str | None = Field(
        None, description="the data set of the study that surrogates imitate", exclude_if=lambda of: of is None
    )
    path: str | None = Field(None, description="archive, folder or download place")
    prefix: str = Field("", description="only the folder of this name in the zip or folder, such as 'train/'")
    name: str | None = Field(None, description="torchvision's class, or the array's name in an .npz")
    options: dict[str, str | bool] = Field({}, description="further arguments of torchvision's class, or the split")
    download: bool = Field(False, description="let torchvision download")
    sha256: str | None = Field(None, description="checksum of the archive; recorded on first packing when not given")

    @property
    def is_surrogate(self) -> bool:
        """Whether the images imitate those of another data set."""
        return self.kind.endswith("-surrogate")

    @model_validator(mode="after")
    def _complete(self) -> Source:
        if self.kind in {"zip", "folder", "npz", "cifar10", "torchvision"} and self.path is None:
            raise ValueError(f"a source of kind '{self.kind}' needs a 'path'")
        if self.is_surrogate != (self.of is not None):
            need = "needs" if self.is_surrogate else "has no use for"
            raise ValueError(f"a source of kind '{self.kind}' {need} 'of', the data set that surrogates imitate")
        if self.kind == "torchvision" and self.name is None:
            raise ValueError("a source of kind 'torchvision' needs the 'name' of a data set, such as FashionMNIST")
        return self


class Download(Strict):
    """Where an archive may be fetched from, for the target `download_images`."""

    url: str | None = Field(None, pattern=r"^https?://", description="address of the archive itself, or a mirror of it")
    size: Positive | None = Field(None, description="bytes")
    sha256: str | None = Field(None, pattern=r"^[0-9a-fA-F]{64}$", description="checksum")
    licence: str = Field(description="under which terms; told before it is fetched")
    instructions: str | None = Field(None, description="what to do by hand, where there is no address")

    @model_validator(mode="after")
    def _complete(self) -> Download:
        if self.url is None and self.instructions is None:
            raise ValueError("a download needs a 'url', or 'instructions' for fetching it by hand")
        if self.url is not None and (self.size is None or self.sha256 is None):
            raise ValueError("a download with a 'url' needs its 'size' and 'sha256', so that it can be checked")
        return self
