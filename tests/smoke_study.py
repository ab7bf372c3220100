"""The smoke study: its settings, ways to change them, and the workflow as it is called from a shell."""

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SMOKE = ROOT / "tests/smoke/config/config.yaml"


def replaced(config: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return the settings with another value at a dotted path."""
    changed = copy.deepcopy(config)
    *parents, last = (int(key) if key.isdigit() else key for key in path.split("."))
    place: Any = changed
    for key in parents:
        place = place[key]
    place[last] = value
    return changed


def command(workflow: Path = ROOT) -> list[str]:
    profile = ["--workflow-profile", str(workflow / "profiles/default")]
    return [sys.executable, "-m", "snakemake", "--snakefile", str(workflow / "Snakefile"), *profile, "--cores", "2"]


def snakemake(*arguments: str, at: Path, workflow: Path = ROOT) -> subprocess.CompletedProcess[str]:
    whole = [*command(workflow), "--directory", str(at), *arguments]
    return subprocess.run(whole, capture_output=True, text=True, check=False)


def planned(*arguments: str, at: Path, workflow: Path = ROOT, config: Path = SMOKE) -> list[tuple[str, str]]:
    """Return the jobs of a dry run: rule and first output."""
    done = snakemake("-n", "--configfile", str(config), *arguments, at=at, workflow=workflow)
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout + done.stderr
    return re.findall(r"^(?:local)?rule (\w+):\n(?:    input: .*\n)?(?:    output: ([^,\n]*).*)?", text, re.M)


def edited(path: Path, change: Any, place: Path) -> Path:
    """Write settings with another block of digits below a folder, and return where."""
    config = yaml.safe_load(path.read_text())
    change(config["datasets"]["digits"])
    edited = place / "edited.yaml"
    edited.write_text(yaml.safe_dump(config))
    return edited
