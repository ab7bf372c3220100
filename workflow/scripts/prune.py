"""Delete the training states that a later checkpoint replaces; weights and curves stay."""

from pathlib import Path

from hidden_gaussian import settings
from hidden_gaussian.jobs import job_log
from hidden_gaussian.planning import cost

with job_log(snakemake.log[0]) as logger:
    study = settings.read(snakemake.config)
    for path in (Path(study.results, name) for name in cost.superseded(study)):
        later = [state for state in path.parents[1].glob(f"i*/{path.name}") if state != path]
        if path.exists() and any(int(state.parent.name[1:]) > int(path.parent.name[1:]) for state in later):
            path.unlink()
            logger.info("deleted %s", path)
