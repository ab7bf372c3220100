"""Photographs and noisy copies -> their nearest training images and their moments, measured like samples."""

from hidden_gaussian.jobs import job_log
from hidden_gaussian.sampling import measure_controls
from hidden_gaussian.storage import write_shard

params = snakemake.params
with job_log(snakemake.log[0]):
    settings = {"count": params.samples, "largest": params.largest, "inputs": params.inputs, "seed": params.seed}
    memorisation, moments = measure_controls(params.root, snakemake.wildcards.subset, **settings)
    write_shard(snakemake.output.memorisation, memorisation)
    write_shard(snakemake.output.moments, moments)
