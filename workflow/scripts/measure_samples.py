"""A sample set -> its moments against its training images', and its distance to held-out photographs."""

from pathlib import Path

from hidden_gaussian.jobs import job_log
from hidden_gaussian.sampling import Standard, sample_sets
from hidden_gaussian.storage import write_shard

wildcards, params = snakemake.wildcards, snakemake.params
with job_log(snakemake.log[0]):
    root, subset = Path(snakemake.input.subset).parents[1], wildcards.id.split("/")[0]
    standard = Standard.open(root, subset, params.largest, params.inputs)
    drawn = sample_sets.load(snakemake.input.samples)
    rows = standard.measured(wildcards.id, drawn, wildcards.sampler, seed=params.seed)
    write_shard(snakemake.output.moments, rows)
