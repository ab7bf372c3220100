"""Settings -> the archives that are not at their places yet, downloaded and checked."""

from hidden_gaussian import downloads, logs, settings

with logs.job_log(snakemake.log[0]):
    downloads.fetch_archives(settings.read(snakemake.config))
