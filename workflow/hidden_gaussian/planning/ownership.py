"""Whose results these are: another study of the same name must not overwrite or reuse them."""

from __future__ import annotations

from pathlib import Path

from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import Source, Study
from hidden_gaussian.storage import differences, load_json, save_json


def _place(study: Study, name: str) -> Path:
    return Path(study.results) / name / "settings.json"


def check(study: Study) -> None:
    """Compare the study with the one that made the results at its place.

    Settings of the same study may change: what depends on them is made again. Only the checksum of the data is
    compared here, since giving one for images that are packed already must not pack them again.

    Raises
    ------
    InputError
        If another study, with other data or training, has results there, naming the keys that differ; or if images
        were packed from data with another checksum than the settings give.
    """
    for name in study.datasets:
        _check_packed(study, name)
        place = _place(study, name)
        if not place.exists():
            continue
        found, wanted = load_json(place), study.identity(name)
        if found.get("study") == study.study:
            continue
        keys = sorted(differences(found, wanted).keys() - {"study"})
        if keys:
            raise InputError(
                f"{place.parent} holds results of the study '{found.get('study')}' with other settings "
                f"({', '.join(keys)}); give study '{study.study}' another 'results' folder or the dataset another name"
            )


def _check_packed(study: Study, name: str) -> None:
    for role, key in {"images": "source", "heldout": "heldout", "foreign": "foreign"}.items():
        source = getattr(study.datasets[name], key)
        packed, about = (_place(study, name).with_name(f"{role}.{suffix}") for suffix in ("npy", "json"))
        if not isinstance(source, Source) or source.sha256 is None or not (packed.exists() and about.exists()):
            continue
        found = load_json(about)["sha256"]
        if found != source.sha256.lower():
            raise InputError(
                f"datasets.{name}.{key}.sha256 is {source.sha256}, but {packed} was packed from data whose checksum "
                f"is {found}: delete it to pack images of the data declared, or correct the setting"
            )


def record(study: Study) -> None:
    """Write down the study beside its results.

    Raises
    ------
    InputError
        If the results folder cannot be written.
    """
    for name in study.datasets:
        place, wanted = _place(study, name), study.identity(name)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists() or load_json(place) != wanted:
                save_json(place, wanted)
        except OSError as error:
            raise InputError(
                f"the results folder {place.parent} cannot be written ({error.strerror}); choose another with 'results'"
            ) from None
