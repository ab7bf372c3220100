"""A denoiser and clean images -> distance, linearity, loss and distillation, and some of its outputs."""

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import measure_target
from hidden_gaussian.storage import save_tensors, write_shard

params = snakemake.params
with job_log(snakemake.log[0]):
    set_precision()
    shard, images = measure_target(
        params.root,
        snakemake.wildcards.id,
        largest=params.largest,
        measures=params.measures,
        inputs=params.inputs,
        distillation=params.distillation,
        seed=params.seed,
    )
    write_shard(snakemake.output.measures, shard)
    save_tensors(snakemake.output.outputs, images)
