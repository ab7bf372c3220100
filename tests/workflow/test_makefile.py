"""The Makefile on other machines: with GPUs, or with an old Python."""

import os
import subprocess
from pathlib import Path

import pytest

from smoke_study import ROOT


def make(*arguments: str, at: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "--file", str(ROOT / "Makefile"), "--directory", str(at), *arguments]
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("output", "expected"), [("echo GPU 0: A; echo GPU 1: A", "--resources gpu=1 "), ("exit 9", "")]
)
def test_one_job_at_a_time_may_use_the_gpu(tmp_path: Path, output: str, expected: str) -> None:
    (tmp_path / "requirements.lock").touch()
    program(tmp_path / "bin/nvidia-smi", output)
    done = make("--dry-run", "demo", at=tmp_path, programs=tmp_path / "bin")
    assert done.returncode == 0, done.stderr
    assert f"snakemake --cores all {expected}" in done.stdout
    assert ("gpu=" in done.stdout) == bool(expected)


def test_an_old_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").touch()
    old = 'exec python3 -c "import sys; sys.version_info = (3, 10, 1); exec(sys.argv[1])" "$2"'
    program(tmp_path / "bin/oldpython", old)
    done = make(".venv/.ready", "PYTHON=oldpython", at=tmp_path, programs=tmp_path / "bin")
    assert done.returncode != 0
    assert done.stderr.startswith("Python 3.11 or newer is needed, but oldpython is 3.10: say which")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".venv").exists()
