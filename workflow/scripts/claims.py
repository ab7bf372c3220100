"""Ledgers of claims -> one readable table a dataset, on the terminal."""

from pathlib import Path

from hidden_gaussian import logs, schemas, tables
from hidden_gaussian.claims import ledger

with logs.job_log(snakemake.log[0]):
    for path in snakemake.input:
        print(f"\n{Path(path).parts[-3]}\n")
        print(ledger.text(tables.read_table(path, schemas.CLAIMS)), flush=True)
