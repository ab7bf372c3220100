"""Settings -> what the study will cost, on the terminal."""

from hidden_gaussian import logs, plan, settings

with logs.job_log(snakemake.log[0]):
    print(plan.describe(settings.read(snakemake.config)))
