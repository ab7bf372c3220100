"""A denoiser, its distilled maps and its trajectories -> its Jacobians, and images that show them."""

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import measure_jacobians
from hidden_gaussian.storage import save_tensors, write_shard

params = snakemake.params
with job_log(snakemake.log[0]):
    set_precision()
    shard, images = measure_jacobians(
        params.root,
        snakemake.wildcards.id,
        other_half=params.other_half,
        image_count=params.image_count,
        inputs=params.inputs,
        jacobian=params.jacobian,
        seed=params.seed,
    )
    write_shard(snakemake.output.shard, shard)
    save_tensors(snakemake.output.images, images)
