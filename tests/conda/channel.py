"""A local conda channel with an empty package of the right name and version for each line of the environment files.

Only ``python`` has content: a script that records its call and runs the Python of the tests. So solving, creating and
activating are real; conda-forge's packages and conda's own solver are not tested.
"""

import asyncio
import hashlib
import io
import json
import stat
import sys
import tarfile
from pathlib import Path

import yaml
from rattler import index

PYTHON = f"""#!/bin/sh
echo "$@" >> "$(dirname "$(dirname "$0")")/called"
exec {sys.executable} "$@"
"""


def build(folder: Path, environments: list[Path]) -> None:
    """Make a channel with the packages of some environment files."""
    wanted = {spec for path in environments for spec in yaml.safe_load(path.read_text())["dependencies"]}
    (folder / "noarch").mkdir(parents=True)
    for spec in sorted(wanted):
        name, version = spec.split(" =")
        _write(folder / "noarch" / f"{name}-{version}-0.tar.bz2", name, version)
    asyncio.run(index.index_fs(folder))


def _write(path: Path, name: str, version: str) -> None:
    files = {"bin/python": PYTHON.encode()} if name == "python" else {f"share/{name}": version.encode()}
    about = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": [], "subdir": "noarch"}
    paths = [
        {
            "_path": place,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_in_bytes": len(content),
        }
        for place, content in files.items()
    ]
    described = {
        "info/index.json": json.dumps(about).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
        "info/files": "\n".join(files).encode(),
    }
    with tarfile.open(path, "w:bz2") as archive:
        for place, content in (described | files).items():
            entry = tarfile.TarInfo(place)
            entry.size, entry.mode = len(content), 0o644 | (stat.S_IXUSR if place.startswith("bin/") else 0)
            archive.addfile(entry, io.BytesIO(content))
