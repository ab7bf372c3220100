"""The reference denoisers of a subset and clean images -> the same measurements and outputs as of a network."""

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import measure_target
from hidden_gaussian.reference_names import ALWAYS_MEASURED
from hidden_gaussian.storage import save_tensors, write_shard

params, output = snakemake.params, snakemake.output
with job_log(snakemake.log[0]):
    set_precision()
    for name, measures, outputs in zip(ALWAYS_MEASURED, output.measures, output.outputs, strict=True):
        shard, images = measure_target(
            params.root,
            f"{snakemake.wildcards.subset}/{name}",
            largest=params.largest,
            measures=params.measures,
            inputs=params.inputs,
            distillation=params.distillation,
            seed=params.seed,
        )
        write_shard(measures, shard)
        save_tensors(outputs, images)
