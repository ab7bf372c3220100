"""A sample set and those of other denoisers from the same latents -> their agreement."""

from hidden_gaussian.jobs import job_log
from hidden_gaussian.sampling import sample_sets
from hidden_gaussian.storage import write_shard

inputs, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
with job_log(snakemake.log[0]):
    partners = dict(zip(params.partners, inputs.partners, strict=True))
    spectra = dict(zip(params.spectra, inputs.spectra, strict=True))
    rows = sample_sets.compare(wildcards.id, wildcards.sampler, inputs.samples, partners, spectra, inputs.mean)
    write_shard(snakemake.output.agreement, rows)
