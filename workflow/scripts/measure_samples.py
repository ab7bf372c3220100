"""A sample set -> its moments against its training images', and its distance to held-out photographs."""

from pathlib import Path

from hidden_gaussian import logs, samples, tables
from hidden_gaussian.moments import Standard

wildcards, params = snakemake.wildcards, snakemake.params
with logs.job_log(snakemake.log[0]):
    root, subset = Path(snakemake.input.subset).parents[1], wildcards.id.split("/")[0]
    standard = Standard.open(root, subset, params.largest, params.inputs)
    drawn = samples.load(snakemake.input.samples)
    rows = standard.measured(wildcards.id, drawn, wildcards.sampler, seed=params.seed)
    tables.write_shard(snakemake.output.moments, rows)
