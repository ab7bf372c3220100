"""Imports go down from floor to floor, and packages use each other's public names only."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smoke_study import ROOT

LIBRARY = ROOT / "workflow/hidden_gaussian"
OURS = "hidden_gaussian"


def _linted(workflow: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the project's floors on a copy of the library."""
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--config",
        str(ROOT / "pyproject.toml"),
    ]
    environment = os.environ | {"PYTHONPATH": str(workflow)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=workflow, env=environment)


def test_imports_go_down_only() -> None:
    linted = _linted(ROOT / "workflow")
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("module", "line", "told"),
    [
        ("metrics/distance", "from hidden_gaussian import figures", "metrics is not allowed to import"),
        ("claims/verdicts", "from hidden_gaussian.plotting import style", "claims is not allowed to import"),
        ("unlisted", "", "unlisted"),
    ],
)
def test_an_import_that_goes_up_or_sideways_is_refused(tmp_path: Path, module: str, line: str, told: str) -> None:
    shutil.copytree(LIBRARY, tmp_path / OURS, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / OURS / f"{module}.py").open("a") as code:
        code.write(f"\n{line}\n")
    linted = _linted(tmp_path)
    assert linted.returncode == 1
    assert told in linted.stdout


def _imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of every import of ours in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == OURS:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith(OURS) for alias in node.names), (
                f"{path}: write `from {OURS} import ...`"
            )


def _public(package: Path) -> set[str]:
    """Return the names that a package exports, from its stub."""
    tree = ast.parse((package / "__init__.pyi").read_text(encoding="utf-8"))
    (names,) = (node.value for node in tree.body if isinstance(node, ast.Assign))
    return set(ast.literal_eval(names))


def _private_uses(path: Path, home: str) -> list[str]:
    """Return imports that reach past another package's public names; `home` is the package the file belongs to."""
    found = []
    for module, name in _imports(path):
        package, *inner = module.split(".")[1:] or [name]
        if package == home or not (LIBRARY / package).is_dir() or module == OURS:
            continue
        if inner or name not in _public(LIBRARY / package):
            found.append(f"from {module} import {name}")
    return found


def test_packages_use_each_others_public_names() -> None:
    found = {}
    for path in [*LIBRARY.rglob("*.py"), *(ROOT / "workflow/scripts").glob("*.py")]:
        home = path.relative_to(LIBRARY).parts[0] if path.is_relative_to(LIBRARY) else ""
        found[str(path)] = _private_uses(path, home)
    assert not {name: uses for name, uses in found.items() if uses}


def test_a_use_of_a_private_module_is_found(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text(
        "from hidden_gaussian.storage.atomic import atomic_path\nfrom hidden_gaussian.jobs import nothing\n"
    )
    assert len(_private_uses(code, "tables")) == 2
    assert len(_private_uses(code, "storage")) == 1


def test_packages_import_nothing_heavy_before_a_name_is_used_and_every_public_name_is_there() -> None:
    names = {path.parent.name: sorted(_public(path.parent)) for path in LIBRARY.glob("*/__init__.pyi")}
    code = f"""
import importlib, sys
names = {names!r}
packages = {{name: importlib.import_module("hidden_gaussian." + name) for name in names}}
heavy = {{"torch", "pandas", "matplotlib", "pyarrow", "scipy"}} & set(sys.modules)
assert not heavy, heavy
for name, package in packages.items():
    assert sorted(package.__all__) == names[name], name
    assert all(getattr(package, public) is not None for public in names[name])
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
