"""Where images come from, and where archives can be downloaded."""

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
        description="digits, photographs: scikit-learn's digits, or patches of its photographs; zip, folder: PNG or "
        "JPEG files; npz: an array in an .npz file; torchvision: a torchvision dataset; cifar10: CIFAR-10's original "
        "archive; gaussian-surrogate: random images with the mean and covariance of the source dataset 'of'; "
        "phase-surrogate: the same with its mean and power spectra"
    )
    count: Positive = Field(description="number of images in the source; checked when the images are packed")
    of: str | None = Field(
        None,
        description="source dataset of surrogates: another dataset of the study",
        exclude_if=lambda of: of is None,
    )
    path: str | None = Field(
        None,
        description="path of the archive, file, folder or (torchvision) download folder, or its name in 'archives'",
    )
    prefix: str = Field("", description="use only this folder inside the zip or folder, such as 'train/'; empty: all")
    name: str | None = Field(None, description="torchvision: name of the class; npz: name of the array")
    options: dict[str, str | bool] = Field(
        {}, description="torchvision: further arguments of the class; cifar10: the split"
    )
    download: bool = Field(False, description="allow torchvision to download the dataset")
    sha256: str | None = Field(
        None, description="expected checksum of the archive; null: the checksum is recorded but not compared"
    )

    @property
    def is_surrogate(self) -> bool:
        """Whether the images are surrogates of another dataset."""
        return self.kind.endswith("-surrogate")

    @model_validator(mode="after")
    def _complete(self) -> Source:
        if self.kind in {"zip", "folder", "npz", "cifar10", "torchvision"} and self.path is None:
            raise ValueError(f"path: missing; a source of kind '{self.kind}' needs a 'path'")
        if self.is_surrogate and self.of is None:
            raise ValueError(f"of: missing; a source of kind '{self.kind}' needs 'of', the source dataset")
        if self.of is not None and not self.is_surrogate:
            raise ValueError(f"of: found '{self.of}'; a source of kind '{self.kind}' has no 'of', so remove it")
        if self.kind == "torchvision" and self.name is None:
            raise ValueError("name: missing; torchvision needs the 'name' of a dataset, such as FashionMNIST")
        return self


class Download(Strict):
    """Where the target `download_images` can get an archive."""

    url: str | None = Field(
        None, pattern=r"^https?://", description="address of the archive; null: it must be downloaded by hand"
    )
    size: Positive | None = Field(None, description="size of the archive in bytes; required with a url")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-fA-F]{64}$", description="checksum of the archive; required with a url"
    )
    licence: str = Field(description="terms of use, shown before the download")
    instructions: str | None = Field(None, description="how to get the archive by hand; required without a url")

    @model_validator(mode="after")
    def _complete(self) -> Download:
        if self.url is None and self.instructions is None:
            raise ValueError("url: missing; give a 'url', or 'instructions' for a download by hand")
        if self.url is not None and (self.size is None or self.sha256 is None):
            raise ValueError("url: given without 'size' and 'sha256'; give both, so that the download can be checked")
        return self
