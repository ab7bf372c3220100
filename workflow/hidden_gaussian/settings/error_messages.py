"""What is wrong with settings, in one sentence that names every key: pydantic's findings in plain words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from hidden_gaussian import reference_names
from hidden_gaussian.settings.strict import BLOCK, VALUE, Strict

REFERENCE = rf"^({reference_names.CONFIGURABLE})$"
NAME = r"^[a-z][a-z0-9-]*$"


def sentence(error: ValidationError) -> str:
    """Return all that is wrong: each key, what was expected, and what was found where it is short."""
    return f"the settings cannot be used: {problems(error)}"


def problems(error: ValidationError) -> str:
    """Return each key that is wrong, with what was expected and found.

    A list whose items are wrong is also too short for pydantic, which is not said.
    """
    found = error.errors()
    lists = {problem["loc"][:length] for problem in found for length in range(len(problem["loc"]))}
    return "; ".join(_problem(one) for one in found if one["type"] != "too_short" or one["loc"] not in lists)


def _problem(problem: Mapping[str, Any]) -> str:
    path, found = [str(part) for part in problem["loc"] if part not in {VALUE.tag, BLOCK.tag}], problem["input"]
    key = ".".join(path) or "settings"
    if problem["type"] == "extra_forbidden":
        return f"{key}: there is no such setting here{_suggestion(path[-1])}"
    if problem["type"] == "missing":
        return f"{key}: this setting is missing, and has no default"
    said = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "string_pattern_mismatch" and problem["ctx"]["pattern"] == NAME:
        said = f"expected a letter, then lower-case letters, digits and hyphens, such as '{_name(found)}'"
    if problem["type"] == "string_pattern_mismatch" and problem["ctx"]["pattern"] == REFERENCE:
        said = f"expected {reference_names.CONFIGURABLE_IN_WORDS}"
    return f"{key}: {said}" + ("" if isinstance(found, dict | list | BaseModel) else f" (found {found!r})")


def _suggestion(key: str) -> str:
    """Return where a key belongs, or the setting whose name is nearest; nothing if none is near."""
    own = [block for block in Strict.__subclasses__() if block.__module__.startswith(__package__)]
    blocks = {block.__name__.lower(): block.model_fields for block in own}
    blocks["the top of the file"] = blocks.pop("study")
    if owners := [name for name, fields in blocks.items() if key in fields]:
        return f"; it belongs to {' or '.join(sorted(owners))}"
    names = sorted({name for fields in blocks.values() for name in fields})
    near = difflib.get_close_matches(key, names, n=1)
    return f"; did you mean '{near[0]}'?" if near else "; config/README.md lists them all"


def _name(found: str) -> str:
    return re.sub(r"^[^a-z]+|-+$", "", re.sub(r"[^a-z0-9]+", "-", found.lower())) or "mine"
