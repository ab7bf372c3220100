"""Settings -> the missing archives, downloaded and verified."""

from hidden_gaussian import settings
from hidden_gaussian.data import fetch_archives
from hidden_gaussian.jobs import job_log

with job_log(snakemake.log[0]):
    fetch_archives(settings.read(snakemake.config))
