"""Which study a results folder belongs to: results of another study are neither overwritten nor reused."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import IDENTITY, Source, Study
from hidden_gaussian.storage import differences, load_json, save_json

PACKED = {"source": "images", "heldout": "heldout", "foreign": "foreign"}
"""Settings that name images, with the files they are packed into."""

WITNESSES = ("images.npy", "split.safetensors", "tables/distance.parquet", "tables/claims.parquet")
"""Files of a dataset that Snakemake knows, unless its results were copied without the folder ``.snakemake``."""
METADATA = Path(".snakemake/metadata")  # beside it metadata.db, if Snakemake is told to use a database
LONGEST_NAME = 250  # characters of a file name; Snakemake splits longer ones


def _record(study: Study, name: str) -> Path:
    return Path(study.results) / name / "settings.json"


def check(study: Study) -> None:
    """Compare a study with the record of the study that made the results in its folder.

    Settings of the same study may change: Snakemake knows how each file was made, and what depends on them is made
    again. Where it does not know, because results were copied or moved without the folder ``.snakemake``, the record
    is compared. The checksum of the data is compared here only, because declaring one for images that are already
    packed must not pack them again.

    Raises
    ------
    InputError
        If the folder has results of another study with other data or training, or with other settings that Snakemake
        does not know of; or if images were packed from data with another checksum than the settings declare.
    """
    for name in study.datasets:
        _check_packed(study, name)
        record, changed = _record(study, name), changes(study, name)
        other = load_json(record).get("study") if record.exists() else study.study
        keys = [key for key in changed if key.split(".")[0] in {*IDENTITY, "networks", "seed"}]
        if other != study.study and keys:
            raise InputError(
                f"{record.parent}: holds results of study '{other}' with other settings ({', '.join(keys)}); give "
                f"study '{study.study}' another 'results' folder, or rename its dataset"
            )
        if changed and _unknown(record.parent):
            raise InputError(
                f"{record.parent}: made with other settings ({_in_words(changed)}), and Snakemake's record of these "
                "files is not in .snakemake, so that nothing would be made again; restore the settings or the folder "
                f".snakemake, set 'results' to another folder, or delete {record} to take the files as they are"
            )


def changes(study: Study, name: str) -> dict[str, tuple[Any, Any]]:
    """Return the recorded settings of a dataset that differ now, by dotted key; empty without a record.

    A record is judged by the keys that it has, so that those of earlier versions go on working.
    """
    record, now = _record(study, name), study.numbers(name)
    if not record.exists():
        return {}
    recorded = load_json(record)
    if "versions" not in recorded:  # then only what is not as usual was written down
        recorded["training"] = {"microbatch": None, **recorded["training"]}
        recorded["networks"] = dict.fromkeys(now["networks"], recorded["network"]) | recorded.get("networks", {})
    return differences(_common(recorded, now), _common(now, recorded))


def describe(study: Study) -> list[str]:
    """Return a line for each dataset with settings or versions that changed since its results were made."""
    changed = {name: changes(study, name) for name in study.datasets}
    return [f"changed for {name}: {_in_words(pairs)}" for name, pairs in changed.items() if pairs]


def notes(study: Study) -> list[str]:
    """Return a line for each folder whose files Snakemake does not know and whose record lacks settings."""
    lines = []
    for name in study.datasets:
        record = _record(study, name)
        if not _unknown(record.parent):
            continue
        lacking = sorted(study.numbers(name).keys() - (load_json(record).keys() if record.exists() else set()))
        if lacking:
            lines.append(
                f"{record.parent}: Snakemake's record of its files is not in .snakemake, and {record.name} has no "
                f"{', '.join(lacking)}; whether these are still the same could not be checked"
            )
    return lines


def _common(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a nested mapping that another one has too, without the name of the study."""
    return {
        key: _common(value, other[key]) if isinstance(value, dict) and isinstance(other[key], dict) else value
        for key, value in one.items()
        if key in other and key != "study"
    }


def _in_words(changed: Mapping[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{key} {before} -> {after}" for key, (before, after) in changed.items())


def _unknown(folder: Path) -> bool:
    """Return whether a folder has results that Snakemake has no record of."""
    return any((folder / name).exists() and not _is_known(folder / name) for name in WITNESSES)


def _is_known(path: Path) -> bool:
    name = base64.urlsafe_b64encode(str(path).encode()).decode()
    return len(name) > LONGEST_NAME or (METADATA / name).exists() or METADATA.with_suffix(".db").exists()


def _check_packed(study: Study, name: str) -> None:
    for key, role in PACKED.items():
        source = getattr(study.datasets[name], key)
        packed, metadata = (_record(study, name).with_name(f"{role}.{suffix}") for suffix in ("npy", "json"))
        if not isinstance(source, Source) or source.sha256 is None or not (packed.exists() and metadata.exists()):
            continue
        checksum = load_json(metadata)["sha256"]
        if checksum != source.sha256.lower():
            raise InputError(
                f"datasets.{name}.{key}.sha256: found {source.sha256}, but {packed} was packed from data with checksum "
                f"{checksum}; delete {packed} to pack the declared data, or correct the setting"
            )


def record(study: Study, made: Collection[str]) -> list[str]:
    """Write the record of a study into its results folder, and return a line for each record that changes.

    Only for datasets that the run makes files for: `made` holds these, as Snakemake names them.

    Raises
    ------
    InputError
        If the results folder cannot be written.
    """
    lines = []
    for name in study.datasets:
        path, current = _record(study, name), study.numbers(name)
        if not any(file.startswith(f"{path.parent}/") for file in made):
            continue
        try:
            if path.exists() and (changed := _in_words(changes(study, name))):
                lines.append(f"{path}: {changed}")
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or load_json(path) != current:
                save_json(path, current)
        except OSError as error:
            raise InputError(
                f"{path.parent}: cannot be written ({error.strerror}); set 'results' to another folder"
            ) from None
    return lines
