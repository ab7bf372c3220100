"""Ledgers of claims -> one readable table a dataset, on the terminal."""

from pathlib import Path

from hidden_gaussian.claims import display
from hidden_gaussian.jobs import job_log
from hidden_gaussian.storage import read_table, schemas

with job_log(snakemake.log[0]):
    for path in snakemake.input:
        print(f"\n{Path(path).parts[-3]}\n")
        print(display.text(read_table(path, schemas.CLAIMS)), flush=True)
