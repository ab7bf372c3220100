"""Delete the training states that a later checkpoint replaces; weights and curves stay."""

from pathlib import Path

from hidden_gaussian import settings
from hidden_gaussian.cells import Cell
from hidden_gaussian.jobs import job_log
from hidden_gaussian.planning import cost


def images_seen(state: Path) -> int:
    """Return how many images the network of a training state saw."""
    return Cell.of_file("", state).images_seen


with job_log(snakemake.log[0]) as logger:
    study = settings.read(snakemake.config)
    for path in (Path(study.results, name) for name in cost.superseded(study)):
        later = [state for state in path.parents[1].glob(f"i*/{path.name}") if state != path]
        if path.exists() and any(images_seen(state) > images_seen(path) for state in later):
            path.unlink()
            logger.info("deleted %s", path)
