"""Shards of a dataset -> a verdict on each of the paper's claims."""

from hidden_gaussian import claims, logs, tables

with logs.job_log(snakemake.log[0]) as log:
    evidence = claims.Evidence.read(snakemake.wildcards.dataset, snakemake.input.shards, snakemake.params.sweeps)
    ledger = claims.judge(evidence)
    tables.write_table(snakemake.output.parquet, ledger, tables.CLAIMS)
    log.info("%s", ledger[["claim", "verdict", "reason", "estimate", "low", "high"]].to_string(index=False))
