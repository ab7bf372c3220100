"""Settings -> the cost of the study, on the terminal; a dry run counts the jobs."""

from pathlib import Path

from hidden_gaussian import settings
from hidden_gaussian.jobs import job_log
from hidden_gaussian.planning import cost

with job_log(snakemake.log[0]):
    study = settings.read(snakemake.config)
    print(cost.describe(study), flush=True)
    print(cost.total(study, cost.remaining(snakemake.config, Path(snakemake.scriptdir).parents[1] / "Snakefile")))
