"""A real Slurm, started for the tests marked `cluster` and stopped after them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cluster import Cluster

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)  # pytest's folders may be closed to the users of munge and the database
        folder.chmod(0o755)
        os.environ["SLURM_CONF"] = str(folder / "etc/slurm.conf")
        try:
            subprocess.run([HERE / "up.sh", folder], check=True, timeout=300)
            yield Cluster(folder)
        finally:
            subprocess.run([HERE / "down.sh", folder], check=False, timeout=180)
