"""Conda environments: pinned to the versions of the lock, all used, and sufficient for the imports of each rule."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

from reached import LIBRARY, Reached
from smoke_study import ROOT

ENVS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "envs").glob("*.yaml")}
NAMES = {
    "lazy-loader": "lazy_loader",
    "matplotlib-base": "matplotlib",
    "pytorch": "torch",
    "snakemake-minimal": "snakemake",
}
MODULES = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}  # packages whose module has another name
FIGURES = tuple(f"figures.{path.stem}" for path in (LIBRARY / "hidden_gaussian/figures").glob("*.py"))
ONLY_FOR_TENSORS = "hidden_gaussian.storage.arrays._own_memory"  # called with tensors only
TORCHLESS = {
    "analysis": (
        "compare_samples",
        "plot_figure",
        "draw_subset",
        "fit_spectrum",
        "gather_tables",
        "judge_claims",
        "measure_nulls",
        "measure_sampler",
        "measure_samples",
    ),
    "driver": ("plan", "prune"),
}


def _locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = (line.split(";")[0].strip().split("==") for line in lines if "==" in line)
    return {name.lower(): version for name, version in pins}


@pytest.mark.parametrize("env", ENVS)
def test_pins_equal_those_of_the_lock(env: str) -> None:
    locked = _locked()
    for dependency in ENVS[env]["dependencies"]:
        name, version = dependency.split(" =")
        if name != "python":
            assert locked[NAMES.get(name, name).lower()] == version, dependency


def test_exactly_the_environments_that_rules_use_exist() -> None:
    rules = "\n".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    assert set(re.findall(r'"\.\./envs/(\w+)\.yaml"', rules)) == set(ENVS)


@pytest.mark.parametrize(("env", "script"), [(env, script) for env, scripts in TORCHLESS.items() for script in scripts])
def test_scripts_in_environments_without_torch_do_not_import_it(env: str, script: str) -> None:
    """Importing torch would slow a cheap job, and its environment has no torch."""
    text = (ROOT / f"workflow/scripts/{script}.py").read_text()
    imports = "\n".join(re.findall(r"^(?:from|import) .*$", text, re.M))
    check = "import sys; assert not {'torch', 'sklearn'} & set(sys.modules), 'heavy'"
    place = {"PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run([sys.executable, "-c", f"{imports}\n{check}"], capture_output=True, text=True, env=place)
    assert done.returncode == 0, done.stderr
    assert not any(dependency.startswith("pytorch") for dependency in ENVS[env]["dependencies"])


def _rules() -> Iterator[tuple[str, str]]:
    """Yield the environment and the script of every rule."""
    for path in (ROOT / "rules").glob("*.smk"):
        for rule in re.split(r"^ *rule ?", path.read_text(), flags=re.M)[1:]:
            if script := re.search(r'"\.\./workflow/scripts/(\w+)\.py"', rule):
                env = re.search(r'"\.\./envs/(\w+)\.yaml"', rule)
                assert env, rule
                yield env[1], script[1]


def test_every_script_has_a_rule() -> None:
    assert {script for _, script in _rules()} == {path.stem for path in (LIBRARY / "scripts").glob("*.py")}


@pytest.mark.parametrize(("env", "script"), sorted(set(_rules())))
def test_an_environment_has_every_package_that_its_scripts_reach(env: str, script: str) -> None:
    """Imports of the script and of the modules it reaches, also those within functions."""
    names = (dependency.split(" =")[0] for dependency in ENVS[env]["dependencies"])
    provided = {MODULES.get(name, NAMES.get(name, name)) for name in names}
    reached = Reached((LIBRARY / f"scripts/{script}.py").read_text(), FIGURES if script == "plot_figure" else ())
    lacking = {name: places - {ONLY_FOR_TENSORS} for name, places in reached.packages.items() if name not in provided}
    assert not {name: places for name, places in lacking.items() if places}


def test_an_import_within_a_function_counts_only_if_the_function_is_used() -> None:
    """Checks the reader of imports against scripts with known needs."""
    needs = {
        "from hidden_gaussian import seeding": {"numpy"},
        "from hidden_gaussian import seeding\nseeding.stream(0, '', 0)": {"numpy", "torch"},
        "from hidden_gaussian.reference_names import CONFIGURABLE": set(),
        "from hidden_gaussian.denoisers import MixtureDenoiser\nMixtureDenoiser": {"torch", "sklearn"},
    }
    for text, expected in needs.items():
        found = Reached(text).packages
        assert expected <= set(found) and ("torch" in found) == ("torch" in expected), text
