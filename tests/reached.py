"""Which packages a script can come to import: read from the source, function by function, and never run.

A module that is imported runs its head, so all that it imports there is reached. What is imported within a function is
reached only where the function is named by something reached: a cheap script may use a module of which another function
needs torch. A class that is named is reached with all its methods.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).parents[1] / "workflow"
OURS = "hidden_gaussian"
Definition = ast.FunctionDef | ast.ClassDef


class Module:
    """Code of ours: what its names stand for, its definitions, and the code that runs when it is imported."""

    def __init__(self, text: str, package: tuple[str, ...]) -> None:
        tree = ast.parse(text)
        self.package = [*package]
        self.definitions = {node.name: node for node in tree.body if isinstance(node, Definition)}
        self.head = [node for node in tree.body if not isinstance(node, Definition) and not _for_types_only(node)]
        self.names = dict(pair for node in self.head for pair in self.imported(node))

    def imported(self, code: ast.AST) -> Iterator[tuple[str, str]]:
        """Yield every name that some code imports, and what it stands for, such as ``hidden_gaussian.files``."""
        for node in ast.walk(code):
            if isinstance(node, ast.Import):
                yield from ((alias.asname or alias.name.split(".")[0], alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = self.package[: len(self.package) - node.level + 1] if node.level else []
                start = ".".join([*above, *([node.module] if node.module else [])])
                yield from ((alias.asname or alias.name, f"{start}.{alias.name}") for alias in node.names)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@cache
def _module(name: str) -> Module | None:
    """Return a module of ours by its name, or nothing if there is none of that name."""
    place = LIBRARY.joinpath(*name.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return Module(path.read_text(encoding="utf-8"), path.relative_to(LIBRARY).parts[:-1]) if path.exists() else None


class Reached:
    """Follows the text of a script; `packages` are those of others that it reaches, with where that is."""

    def __init__(self, script: str, also: tuple[str, ...] = ()) -> None:
        self.packages: dict[str, set[str]] = {}
        self._seen: set[str] = set()
        start = Module(script, ())
        for code in [*start.head, *start.definitions.values()]:
            self._follow(start, code, "the script")
        for name in also:
            self._name(f"{OURS}.{name}")

    def _name(self, name: str) -> None:
        """Reach what a full name stands for: the head of each of its modules, and the definition that is left."""
        if name in self._seen or not name.startswith(OURS):
            return
        self._seen.add(name)
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            place = ".".join(parts[:length])
            module = _module(place)
            if module is None:
                self._definition(".".join(parts[: length - 1]), parts[length - 1])
                return
            if place not in self._seen or place == name:
                self._seen.add(place)
                for code in module.head:
                    self._follow(module, code, place)

    def _definition(self, place: str, name: str) -> None:
        module = _module(place)
        assert module is not None
        if name in module.definitions:
            self._follow(module, module.definitions[name], f"{place}.{name}")
        elif name in module.names:
            self._name(module.names[name])

    def _follow(self, module: Module, code: ast.AST, place: str) -> None:
        """Reach what some code imports, and what its names stand for."""
        own = dict(module.imported(code))
        for full in own.values():
            package = full.split(".")[0]
            if package not in sys.stdlib_module_names | {OURS}:
                self.packages.setdefault(package, set()).add(place)
            self._name(full if _module(full) else full.rpartition(".")[0])  # the head; what it names is reached by use
        names = module.names | own
        for node in ast.walk(code):
            first, rest = _dotted(node)
            if first in names:
                self._name(".".join([names[first], *rest[:1]]))
            elif first in module.definitions and first not in place.split("."):
                self._local(module, first, place)

    def _local(self, module: Module, name: str, place: str) -> None:
        key = f"{id(module)}.{name}"
        if key not in self._seen:
            self._seen.add(key)
            self._follow(module, module.definitions[name], f"{place.rpartition('.')[0] or place}.{name}")


def _dotted(node: ast.AST) -> tuple[str, list[str]]:
    """Return the first name of ``a.b.c`` and the rest; no name for other code."""
    rest: list[str] = []
    while isinstance(node, ast.Attribute):
        rest.insert(0, node.attr)
        node = node.value
    return (node.id, rest) if isinstance(node, ast.Name) else ("", rest)
