"""Which study a results folder belongs to: results of another study are neither overwritten nor reused."""

from __future__ import annotations

from pathlib import Path

from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import Source, Study
from hidden_gaussian.storage import differences, load_json, save_json

PACKED = {"source": "images", "heldout": "heldout", "foreign": "foreign"}
"""Settings that name images, with the files they are packed into."""


def _record(study: Study, name: str) -> Path:
    return Path(study.results) / name / "settings.json"


def check(study: Study) -> None:
    """Compare a study with the record of the study that made the results in its folder.

    Settings of the same study may change; what depends on them is made again. The checksum of the data is compared
    here only, because declaring one for images that are already packed must not pack them again.

    Raises
    ------
    InputError
        If the folder has results of another study with other data or training, or if images were packed from data
        with another checksum than the settings declare.
    """
    for name in study.datasets:
        _check_packed(study, name)
        record = _record(study, name)
        if not record.exists():
            continue
        recorded, current = load_json(record), study.identity(name)
        keys = sorted(differences(recorded, current).keys() - {"study"})
        if recorded.get("study") != study.study and keys:
            raise InputError(
                f"{record.parent}: holds results of study '{recorded.get('study')}' with other settings "
                f"({', '.join(keys)}); give study '{study.study}' another 'results' folder, or rename its dataset"
            )


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


def record(study: Study) -> None:
    """Write the record of a study into its results folder.

    Raises
    ------
    InputError
        If the results folder cannot be written.
    """
    for name in study.datasets:
        path, current = _record(study, name), study.identity(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or load_json(path) != current:
                save_json(path, current)
        except OSError as error:
            raise InputError(
                f"{path.parent}: cannot be written ({error.strerror}); set 'results' to another folder"
            ) from None
