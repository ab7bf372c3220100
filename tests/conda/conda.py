"""The few commands of conda that Snakemake calls, answered by py-rattler from one local channel."""

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
            asked, _ = parser.parse_known_args(options)
            asyncio.run(create(asked.file, asked.prefix))
        case ["clean", "-y", "--tarballs"]:
            pass
        case _:
            sys.exit(f"not among the commands that Snakemake was seen to call: {arguments}")


async def create(file: Path, prefix: Path) -> None:
    """Solve an environment file and install what is found; the local channel stands for those that it names."""
    specs = [spec.replace(" =", " ==") for spec in yaml.safe_load(file.read_text())["dependencies"]]
    records = await rattler.solve([str(HOME / "channel")], specs, platforms=["linux-64", "noarch"])
    await rattler.install(records, prefix, cache_dir=HOME / "cache", show_progress=False)


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # threads of py-rattler crash now and then when the interpreter takes itself apart
