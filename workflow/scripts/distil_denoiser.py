"""A denoiser and clean images -> the affine maps nearest to it at the levels of the Euler sampler."""

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import distil_target

params = snakemake.params
with job_log(snakemake.log[0]):
    set_precision()
    settings = {"inputs": params.inputs, "draws": params.draws, "ridge": params.ridge, "seed": params.seed}
    linear = distil_target(params.root, snakemake.wildcards.id, **settings)
    linear.save(snakemake.output.linear)
