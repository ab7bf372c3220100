"""Conda environments: pinned as the lock is, all used, and enough for what each rule imports."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ENVS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "envs").glob("*.yaml")}
NAMES = {"matplotlib-base": "matplotlib", "pytorch": "torch", "snakemake-minimal": "snakemake"}
TORCHLESS = {
    "analysis": (
        "compare_samples",
        "draw_figure",
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
def test_pins_equal_the_lock(env: str) -> None:
    locked = _locked()
    for dependency in ENVS[env]["dependencies"]:
        name, version = dependency.split(" =")
        if name != "python":
            assert locked[NAMES.get(name, name).lower()] == version, dependency


def test_every_environment_is_used_and_exists() -> None:
    rules = "\n".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    assert set(re.findall(r'"\.\./envs/(\w+)\.yaml"', rules)) == set(ENVS)


@pytest.mark.parametrize(("env", "script"), [(env, script) for env, scripts in TORCHLESS.items() for script in scripts])
def test_scripts_without_torch_import_none(env: str, script: str) -> None:
    """A cheap job must not pay for torch, and its environment does not have it."""
    text = (ROOT / f"workflow/scripts/{script}.py").read_text()
    imports = "\n".join(re.findall(r"^(?:from|import) .*$", text, re.M))
    check = "import sys; assert not {'torch', 'sklearn'} & set(sys.modules), 'heavy'"
    place = {"PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run([sys.executable, "-c", f"{imports}\n{check}"], capture_output=True, text=True, env=place)
    assert done.returncode == 0, done.stderr
    assert not any(dependency.startswith("pytorch") for dependency in ENVS[env]["dependencies"])
