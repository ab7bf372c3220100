"""A sample set -> its moments against its training images', and its distance to held-out photographs."""

from hidden_gaussian.jobs import job_log
from hidden_gaussian.sampling import measure_samples
from hidden_gaussian.storage import write_shard

params, wildcards = snakemake.params, snakemake.wildcards
with job_log(snakemake.log[0]):
    settings = {"largest": params.largest, "inputs": params.inputs, "seed": params.seed}
    rows = measure_samples(params.root, wildcards.id, wildcards.sampler, snakemake.input.samples, **settings)
    write_shard(snakemake.output.moments, rows)
