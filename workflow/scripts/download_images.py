"""Settings -> the archives that are not at their places yet, downloaded and checked."""

from hidden_gaussian import settings
from hidden_gaussian.data import fetch_archives
from hidden_gaussian.jobs import job_log

with job_log(snakemake.log[0]):
    fetch_archives(settings.read(snakemake.config))
