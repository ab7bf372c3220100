"""Errors of the settings in one sentence: for each wrong key, what was found and what was expected.

Validators of blocks raise ``ValueError("key: found ...; expected ...; do ...")`` with the key relative to the block.
"""

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
    """Return one sentence with every wrong key, what was found where it is short, and what was expected."""
    return f"the settings cannot be used: {problems(error)}"


def problems(error: ValidationError) -> str:
    """Return each wrong key, with what was found and expected.

    Pydantic also calls a list too short whose items are wrong; that is left out.
    """
    errors = error.errors()
    prefixes = {one["loc"][:length] for one in errors for length in range(len(one["loc"]))}
    return "; ".join(_problem(one) for one in errors if one["type"] != "too_short" or one["loc"] not in prefixes)


def _problem(problem: Mapping[str, Any]) -> str:
    path, value = [str(part) for part in problem["loc"] if part not in {VALUE.tag, BLOCK.tag}], problem["input"]
    key, kind, is_short = ".".join(path) or "settings", problem["type"], not isinstance(value, dict | list | BaseModel)
    if kind == "extra_forbidden":
        return f"{key}: there is no such setting here{_suggestion(path[-1])}"
    if kind == "missing":
        return f"{key}: this setting is missing; it has no default, so give it a value"
    if kind == "value_error" and isinstance(value, dict | BaseModel):
        return ".".join([*path, problem["msg"].removeprefix("Value error, ")])
    expected = re.sub("^(Value error, |[A-Z][a-z]+ should (be|have) )|( after validation)", "", problem["msg"])
    expected = re.sub("^(greater|less) than", r"a number \1 than", expected)
    if kind == "string_pattern_mismatch" and problem["ctx"]["pattern"] == NAME:
        expected = f"a letter, then lower-case letters, digits and hyphens, such as '{_name(value)}'"
    if kind == "string_pattern_mismatch" and problem["ctx"]["pattern"] == REFERENCE:
        expected = reference_names.CONFIGURABLE_IN_WORDS
    return f"{key}: found {value!r}; expected {expected}" if is_short else f"{key}: expected {expected}"


def _suggestion(key: str) -> str:
    """Return where a key belongs, or else the setting with the nearest name, or else where all are listed."""
    own = [block for block in Strict.__subclasses__() if block.__module__.startswith(__package__)]
    blocks = {block.__name__.lower(): block.model_fields for block in own}
    blocks["the top of the file"] = blocks.pop("study")
    if owners := [name for name, fields in blocks.items() if key in fields]:
        return f"; it belongs to {' or '.join(sorted(owners))}"
    names = sorted({name for fields in blocks.values() for name in fields})
    near = difflib.get_close_matches(key, names, n=1)
    return f"; did you mean '{near[0]}'?" if near else "; config/README.md lists them all"


def _name(text: str) -> str:
    return re.sub(r"^[^a-z]+|-+$", "", re.sub(r"[^a-z0-9]+", "-", text.lower())) or "mine"
