"""Every public function of the packages that people use alone has an example, and the examples run."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import hidden_gaussian

PACKAGES = ("denoisers", "spectrum", "sampling", "distillation", "metrics", "measurement", "tables")
NAMES = [module.name for module in pkgutil.walk_packages(hidden_gaussian.__path__, "hidden_gaussian.")]


@pytest.mark.parametrize("name", NAMES)
def test_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    assert not doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).failed


@pytest.mark.parametrize("package", PACKAGES)
def test_public_functions_have_an_example(package: str) -> None:
    module = importlib.import_module(f"hidden_gaussian.{package}")
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    public = {name: getattr(module, name) for name in names}
    ours = {
        name: made for name, made in public.items() if getattr(made, "__module__", "").startswith("hidden_gaussian")
    }
    called = {name: made for name, made in ours.items() if inspect.isfunction(made) or inspect.isclass(made)}
    assert called
    assert not sorted(name for name, made in called.items() if ">>>" not in _documentation(made))


def _documentation(made: object) -> str:
    """Return the docstring of a function, or those of a class and its methods."""
    parts = [made, *vars(made).values()] if inspect.isclass(made) else [made]
    return "\n".join(part.__doc__ or "" for part in parts if not isinstance(part, str | int | float | tuple))
