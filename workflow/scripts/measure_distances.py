"""One reference denoiser -> how far the other denoisers of its subset are from it."""

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import measure_distances
from hidden_gaussian.storage import write_shard

params, wildcards = snakemake.params, snakemake.wildcards
with job_log(snakemake.log[0]):
    set_precision()
    rows = measure_distances(
        params.root,
        f"{wildcards.subset}/{wildcards.reference}",
        params.ids,
        measures=params.measures,
        inputs=params.inputs,
        seed=params.seed,
    )
    write_shard(snakemake.output.shard, rows)
