"""Shards of a dataset -> every metric with its interval, a table for each family; training progress; spectra."""

from pathlib import Path

from hidden_gaussian import tables
from hidden_gaussian.jobs import job_log
from hidden_gaussian.storage import write_table

with job_log(snakemake.log[0]):
    params = snakemake.params
    made = tables.gather(Path(params.root), snakemake.input, pixels=params.pixels, sweeps=params.sweeps)
    for path in snakemake.output.parquet:
        family = Path(path).stem
        write_table(path, made[family], tables.TABLES[family])
