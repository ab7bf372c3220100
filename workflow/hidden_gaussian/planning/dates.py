"""Packed images that turn out to be the same keep their date, so that nothing is made again from them.

Snakemake dates every output when its job ends, so only the main process can do it, after the run.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from hidden_gaussian.planning import ownership
from hidden_gaussian.settings import Source, Study
from hidden_gaussian.storage import load_json


class Packed(NamedTuple):
    """When an array was packed, in nanoseconds, and the checksum of its pixels."""

    date: int
    checksum: str


def of_packed(study: Study, made: Collection[str]) -> dict[Path, Packed]:
    """Return the arrays of images that a run packs again; surrogates are made from a file, whose date counts.

    `made` holds the files that the run makes, as Snakemake names them.
    """
    found = {}
    for name, dataset in study.datasets.items():
        for role, packed in ownership.PACKED.items():
            path, source = Path(study.results, name, f"{packed}.npy"), getattr(dataset, role)
            surrogate = isinstance(source, Source) and source.is_surrogate
            checksum = None if surrogate or str(path) not in made else _checksum(path)
            if checksum:
                found[path] = Packed(path.stat().st_mtime_ns, checksum)
    return found


def restore(packed: Mapping[Path, Packed]) -> None:
    """Give arrays that have the same pixels as before their date back."""
    for path, before in packed.items():
        if _checksum(path) == before.checksum:
            os.utime(path, ns=(before.date, before.date))


def _checksum(path: Path) -> str | None:
    """Return the checksum that was written down when images were packed; None if they are not there."""
    about = path.with_suffix(".json")
    return load_json(about).get("pixels_sha256") if path.exists() and about.exists() else None
