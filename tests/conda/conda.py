"""The few conda commands that Snakemake calls, answered by py-rattler from one local channel."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

import rattler
import yaml

HOME = Path(os.environ["LOCAL_CONDA"])  # has bin/conda, bin/activate and channel/


def main(arguments: list[str]) -> None:
    """Answer as conda does."""
    match arguments:
        case ["--version"]:
            print("conda 26.7.0")
        case ["info", "--json"]:
            print(json.dumps({"conda_prefix": str(HOME), "platform": "linux-64", "envs": []}))
        case ["config", "--get", "channel_priority", "--json"]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["env", "create", *options]:
            parser = argparse.ArgumentParser()
            parser.add_argument("--file", type=Path)
            parser.add_argument("--prefix", type=Path)
            given, _ = parser.parse_known_args(options)
            asyncio.run(create(given.file, given.prefix))
        case ["clean", "-y", "--tarballs"]:
            pass
        case _:
            sys.exit(f"conda {' '.join(arguments)}: unknown command; expected one that Snakemake calls")


async def create(file: Path, prefix: Path) -> None:
    """Solve an environment file and install the packages; the local channel replaces those in the file."""
    specs = [spec.replace(" =", " ==") for spec in yaml.safe_load(file.read_text())["dependencies"]]
    records = await rattler.solve([str(HOME / "channel")], specs, platforms=["linux-64", "noarch"])
    await rattler.install(records, prefix, cache_dir=HOME / "cache", show_progress=False)


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # threads of py-rattler sometimes crash while the interpreter shuts down
