"""Ledgers of claims -> one readable table for each dataset, on the terminal."""

from hidden_gaussian.claims import display
from hidden_gaussian.jobs import job_log
from hidden_gaussian.storage import read_table, schemas

with job_log(snakemake.log[0]):
    for dataset, path in zip(snakemake.params.datasets, snakemake.input, strict=True):
        print(f"\n{dataset}\n")
        print(display.text(read_table(path, schemas.CLAIMS)), flush=True)
