"""Datasets of torchvision by name; any error of their code becomes one sentence."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import Source


def open_named(source: Source, key: str) -> tuple[int, Iterator[tuple[str, Any]]]:
    """Open a dataset of torchvision, which decodes the images itself.

    Parameters
    ----------
    source : Source
        Settings with the class's name, the path and options.
    key : str
        The setting of the source, for errors.

    Returns
    -------
    int, iterator of (str, Image or ndarray)
        The number of images; their names and images.

    Raises
    ------
    InputError
        If there is no such class, it is LSUN, a package is missing, or the class raises any error.
    """
    name = source.name or ""
    if name.startswith("LSUN"):
        raise InputError(
            f"{key}.name: torchvision reads {name} through a pickle in the folder, which could run code; expected "
            "another dataset; export the images to a zip or folder, and use a source of that kind"
        )
    try:
        dataset = _class(name, key)(str(Path(source.path or "").expanduser()), **_options(source))
        count = len(dataset)
    except InputError:
        raise
    except ModuleNotFoundError as error:
        raise InputError(
            f"{key}: torchvision needs the package '{error.name}' for {name}, which is not installed; install it, or "
            "give the images as a zip or folder"
        ) from error
    except Exception as error:
        raise InputError(
            f"{key}: torchvision cannot open {name} at {source.path} ({_words(error)}); check 'path', 'options' and "
            "'download'"
        ) from error
    return count, _stream(dataset, count, f"{key}: {name}")


def _class(name: str, key: str) -> Any:
    from torchvision import datasets

    known = [each for each in datasets.__all__ if inspect.isclass(getattr(datasets, each))]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1) or ["FashionMNIST"]
        raise InputError(f"{key}.name: torchvision has no dataset '{name}'; expected one like '{near[0]}'; correct it")
    return getattr(datasets, name)


def _options(source: Source) -> dict[str, Any]:
    return {**source.options, "download": True} if source.download else dict(source.options)


def _stream(dataset: Any, count: int, where: str) -> Iterator[tuple[str, Any]]:
    for index in range(count):
        try:
            item = dataset[index]
        except Exception as error:
            raise InputError(
                f"{where}: image {index} cannot be read ({_words(error)}); replace or remove it"
            ) from error
        yield f"image {index}", item[0] if isinstance(item, tuple) else item


def _words(error: Exception) -> str:
    """Return the message of an error on one line."""
    return " ".join(str(error).split())
