"""One more weight of pairs -> the linearity of every denoiser of a subset with it."""

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import measure_linearity
from hidden_gaussian.storage import write_shard

params = snakemake.params
with job_log(snakemake.log[0]):
    set_precision()
    rows = measure_linearity(
        params.root,
        float(snakemake.wildcards.alpha),
        params.ids,
        measures=params.measures,
        inputs=params.inputs,
        seed=params.seed,
    )
    write_shard(snakemake.output.shard, rows)
