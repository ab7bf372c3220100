"""A fresh clone, used by somebody with nothing set up."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
GIT = ["git", "-c", "safe.directory=*"]


def _other_user() -> dict[str, Any]:
    """Return how to run as `nobody`, if that user can run this Python; it may be in a closed home."""
    if os.getuid() == 0:
        try:
            subprocess.run([sys.executable, "-c", "import snakemake"], check=True, capture_output=True, **NOBODY)
            return NOBODY
        except (PermissionError, subprocess.CalledProcessError):
            pass
    return {}


@pytest.mark.cluster
def test_a_clone_works_for_a_newcomer() -> None:
    """From a clone of the committed files: make's targets, the plan, and from images to a figure.

    The newcomer has an empty home, the system's PATH and no other variable; it is the user `nobody` if that user can
    run this Python, else the user of the tests. The clone reuses `.venv`, so installing requirements.lock is not tested
    here; nor are other systems and Pythons, or a machine without make and git.
    """
    with TemporaryDirectory(prefix="newcomer-") as name:  # pytest's folders are closed to other users
        home, clone, other = Path(name, "home"), Path(name, "a clone"), _other_user()
        Path(name).chmod(0o755)
        home.mkdir()
        subprocess.run([*GIT, "clone", "--quiet", "--no-local", ROOT, clone], check=True)
        (clone / ".venv").symlink_to(Path(sys.prefix).resolve())
        if other:
            subprocess.run(["chown", "-R", "-h", f"{other['user']}:{other['group']}", home, clone], check=True)

        def run(*command: str) -> str:
            bare = ["env", "-i", f"HOME={home}", "PATH=/usr/bin:/bin", *command]
            done = subprocess.run(bare, cwd=clone, capture_output=True, text=True, timeout=600, check=False, **other)
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
            return done.stdout

        assert "-m venv .venv" in run("make", "--dry-run", "--always-make", "demo")
        snakemake = [".venv/bin/snakemake", "--cores", "2"]
        assert "ffhq" in run(*snakemake, "plan", "--configfile", "config/paper.yaml")
        smoke = ["--configfile", "tests/smoke/config/config.yaml"]
        run(*snakemake, *smoke, "--", "figure_training_time")
        assert (clone / "results/digits/figures/training_time.pdf").read_bytes().startswith(b"%PDF")
        assert run(*GIT, "status", "--porcelain").split("\n") == ["?? .venv", ""]
        assert {path.name for path in home.iterdir()} <= {".cache", ".config"}
