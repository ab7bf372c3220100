"""One thread in every process, as the rules run them: sums of two threads differ in their last bits; and fixtures."""

import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

from reliability import Page
from smoke_study import ROOT, SMOKE, snakemake

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

PARTS = ("Snakefile", "rules", "workflow", "config", "profiles", "envs", "slurm")  # of the workflow

# the same examples in every run, and none timed: the machine may be busy
SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile(
    "suite", max_examples=40, derandomize=True, deadline=None, database=None, suppress_health_check=SLOW
)
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory):
    """Results of one tiny dataset, made without the library's measurements."""
    from synthetic_arrays import settings
    from synthetic_results import World

    made = World(tmp_path_factory.mktemp("digits"), settings())
    made.add_surrogate()
    made.write()
    return made


@pytest.fixture
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses of five steps make a point of the curve."""
    monkeypatch.setattr("hidden_gaussian.training.loop.INTERVAL", 5)


@pytest.fixture
def foreign_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The modules that published pickles mention, there while they are written, and nowhere to write but here."""
    from published_networks import EasyDict

    def reconstruct(meta):
        raise AssertionError("a pickle ran")

    def module(name, **content):
        made = types.ModuleType(name)
        for key, value in content.items():
            value.__module__, value.__qualname__ = name, key
            setattr(made, key, value)
        monkeypatch.setitem(sys.modules, name, made)

    module("torch_utils")
    module("torch_utils.persistence", _reconstruct_persistent_obj=reconstruct)
    module("dnnlib")
    module("dnnlib.util", EasyDict=EasyDict)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the smoke study has been run."""
    place = tmp_path_factory.mktemp("smoke study with spaces")
    done = snakemake("--configfile", str(SMOKE), at=place)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    return place


@pytest.fixture
def own_copy(tmp_path: Path) -> Path:
    """A copy of the workflow that a test may edit."""
    place = tmp_path / "copy"
    for part in PARTS:
        source = ROOT / part
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, place / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif not source.is_symlink():
            place.mkdir(exist_ok=True)
            shutil.copy(source, place / part)
    return place


@pytest.fixture
def config() -> dict[str, Any]:
    """The settings of the smoke study."""
    loaded = yaml.safe_load(SMOKE.read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """A function that makes a folder read-only: by a mount for root, whom permissions do not bind."""
    mounted = []

    def close(folder: Path) -> None:
        if os.getuid():
            folder.chmod(0o555)
            return
        for how in (["--bind", str(folder)], ["-o", "remount,bind,ro"]):
            if shutil.which("mount") is None or subprocess.run(["mount", *how, str(folder)], check=False).returncode:
                pytest.skip("this root may not mount")
            mounted.append(folder)

    yield close
    for folder in set(mounted):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reliability", metavar="PAGE", help="write how the tests marked `fault` went")


def pytest_configure(config: pytest.Config) -> None:
    if page := config.getoption("--reliability"):
        config.pluginmanager.register(Page(Path(page)))
