"""`--sdm conda` with a local channel: environments are solved, created and activated, and their Python runs rules."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smoke_study import ROOT

pytest.importorskip("rattler", reason="py-rattler makes the environments")

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
sys.path.insert(0, str(ROOT / "tests/conda"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a conda installation."""
    from channel import build

    home = tmp_path_factory.mktemp("conda")
    build(home / "channel", ENVIRONMENTS)
    scripts = {
        "conda": f'#!/bin/sh\nLOCAL_CONDA={home} exec {sys.executable} {ROOT / "tests/conda/conda.py"} "$@"\n',
        "activate": 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n',
    }
    (home / "bin").mkdir()
    for name, text in scripts.items():
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    return home


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_every_environment_can_be_solved_and_created(home: Path, environment: Path, tmp_path: Path) -> None:
    command = [home / "bin/conda", "env", "create", "--quiet", "--file", environment, "--prefix", tmp_path / "made"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "made/bin/python").exists()
    assert (tmp_path / "made/conda-meta").is_dir()


def test_an_environment_with_unknown_packages_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "env.yaml").write_text("channels: [conda-forge]\ndependencies: [python =3.11, numpy =0.1]\n")
    command = [home / "bin/conda", "env", "create", "--file", tmp_path / "env.yaml", "--prefix", tmp_path / "made"]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_a_rule_runs_in_its_environment(home: Path, tmp_path: Path) -> None:
    target = "results/digits/n16a/spectrum.safetensors"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    profile = ["--workflow-profile", str(ROOT / "profiles/default"), "--cores", "1", "--sdm", "conda"]
    study = ["--configfile", str(ROOT / "tests/smoke/config/config.yaml"), "--", target]
    environment = {**os.environ, "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    ran = subprocess.run([*command, *profile, *study], capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert (tmp_path / target).exists()
    called = {path.parent: path.read_text().splitlines() for path in tmp_path.glob(".snakemake/conda/*/called")}
    with_torch = [(folder / "share/pytorch").exists() for folder in called]
    assert sorted(with_torch) == [False, True]  # packing may need torchvision; the other rules need no torch
    scripts = [call.rsplit(".", 2)[1] for calls in called.values() for call in calls if ".snakemake/scripts" in call]
    assert sorted(scripts) == ["draw_subset", "fit_spectrum", "pack_images", "split_images"]
