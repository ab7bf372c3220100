"""Shards of a dataset -> every metric with its interval, one table a family, and the progress of training."""

from pathlib import Path

from hidden_gaussian import estimates, logs, schemas, tables

with logs.job_log(snakemake.log[0]):
    made = estimates.gather(snakemake.wildcards.dataset, snakemake.input.shards, pixels=snakemake.params.pixels)
    for path in snakemake.output.parquet:
        family = Path(path).stem
        tables.write_table(path, made[family], schemas.TRAINING if family == "training" else schemas.ESTIMATES)
