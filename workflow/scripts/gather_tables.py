"""Shards of a dataset -> every metric with its interval, one table a family; the progress of training; spectra."""

from pathlib import Path

from hidden_gaussian import estimates, logs, tables

with logs.job_log(snakemake.log[0]):
    paths = [*snakemake.input.shards, *snakemake.input.spectra]
    made = estimates.gather(snakemake.wildcards.dataset, paths, pixels=snakemake.params.pixels)
    for path in snakemake.output.parquet:
        family = Path(path).stem
        tables.write_table(path, made[family], estimates.TABLES[family])
