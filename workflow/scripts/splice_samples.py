"""A network and other denoisers -> measurements of samples for which one of them replaces it at some noise levels."""

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.sampling import splice_samples
from hidden_gaussian.storage import write_shard

params, wildcards = snakemake.params, snakemake.wildcards
with job_log(snakemake.log[0]):
    set_precision()
    rows = splice_samples(
        params.root,
        wildcards.id,
        wildcards.sampler,
        kinds=["gaussian", "empirical", *(["linear"] if snakemake.input.linear else [])],
        ends=params.ends,
        count=params.samples,
        largest=params.largest,
        inputs=params.inputs,
        seed=params.seed,
    )
    write_shard(snakemake.output.splice, rows)
