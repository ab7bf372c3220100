"""Shards of a dataset -> a verdict on each of the paper's claims."""

from hidden_gaussian import claims
from hidden_gaussian.claims import display
from hidden_gaussian.jobs import job_log
from hidden_gaussian.storage import atomic_path, schemas, write_table

with job_log(snakemake.log[0]) as log:
    params, dataset = snakemake.params, snakemake.wildcards.dataset
    evidence = claims.Evidence.read(dataset, snakemake.input.shards, params.sweeps, ridge=params.ridge)
    judged = claims.judge(evidence)
    write_table(snakemake.output.parquet, judged, schemas.CLAIMS)
    with atomic_path(snakemake.output.html) as page:
        page.write_text(display.html(judged), encoding="utf-8")
    log.info("\n%s", display.text(judged))
