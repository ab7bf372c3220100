"""A real Slurm, brought up for the tests marked `cluster` and stopped after them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("slurm")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)  # munge and the database have users of their own
    os.environ["SLURM_CONF"] = str(folder / "etc/slurm.conf")
    subprocess.run([HERE / "up.sh", folder], check=True, timeout=180)
    try:
        yield Cluster(folder)
    finally:
        subprocess.run([HERE / "down.sh", folder], check=False, timeout=180)
